// Package server is the HTTP side of Portcullis: one router, one chain of
// middleware, the pages of flows, the mapping of errors to answers. The JSON
// API, the console and the account pages are its sub-packages; their common
// kernel is package web.
//
// It must not know SQL: what it needs of the storage it takes as contracts of
// package idp.
package server
