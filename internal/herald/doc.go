// Package herald tells every server of an act of containment before it is committed.
//
// Who brings a credential that such an act is about to refuse waits until the act is
// over, and is judged then, instead of being let in during the milliseconds that a
// transaction takes, and its news to every server. Nobody is refused by what is told
// here, and an act of which nothing was heard takes effect all the same: heralds make
// containment sooner, not certain.
//
// It must not know which acts there are, nor how servers are told.
package herald
