// Package rolepage is the part of the console about roles: the list, the matrix of
// what a role allows and denies, and who has it.
//
// It owns pages only: what a role may be, who may give it and what it lets people
// do is the access package's.
package rolepage
