// Package useragent owns the reading of User-Agent headers: which browser, on
// which system, on what kind of device.
//
// It reads a small table that covers what people really sign in with, and says
// "unknown" for the rest instead of guessing. What browsers freeze on purpose
// (macOS 10.15.7, Windows NT 10.0, Android 10 with model K) is not shown as if
// it were a fact. A header is a claim of whoever sent it: good for a person to
// recognise their own devices, never for a decision.
//
// It must not know HTTP or any other package of the project.
package useragent
