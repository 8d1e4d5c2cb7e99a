// Package archtest holds the rules of internal/ARCHITECTURE.md: which package
// may import which, and who alone may import the libraries that are reserved.
// It reads the source files itself, so that its answer is never a cached one.
package archtest
