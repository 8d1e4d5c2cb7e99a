// Package invitation is the stage that lets only those on who come by an
// invitation's link, and puts what the invitation says into prompt_data.
//
// The invitation is judged again, and used up, where the account is made.
package invitation
