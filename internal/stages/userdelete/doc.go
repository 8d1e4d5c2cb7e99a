// Package userdelete is the stage that deletes the account that a flow has
// established: never one that was only named.
package userdelete
