// Package page owns what the pages of the console, of the account and of flows
// share: the frame around them, error pages, the question before something
// cannot be taken back, the choice of colours, and the reading of lists and of
// faulty forms.
//
// It must not know a use case, SQL, or what any single page shows.
package page
