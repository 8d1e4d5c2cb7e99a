// Package consent owns what people have agreed that applications may do: saving
// it, finding out whether it still counts, and taking it back.
//
// A consent ends with its time, with the account, and with whatever ends the
// account's grants. It must not know HTTP, SQL, or any other use case.
package consent
