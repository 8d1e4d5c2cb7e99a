// Package userwrite is the stage that writes what prompts collected: to the
// account that the flow has established, or to one that it makes.
//
// An account that was only named is never changed, and one that may not act is
// neither changed nor revived.
package userwrite
