// Package strength estimates how many guesses a password costs somebody who
// knows how people choose them. It follows the published estimator zxcvbn (Dan
// Lowe Wheeler, “zxcvbn: Low-Budget Password Strength Estimation”, USENIX
// Security 2016): words, also reversed and in disguise, patterns of the
// keyboard, repetitions, sequences, years and dates are found, and the cheapest
// way to guess the whole of it counts.
//
// The words are in words.bin: 94,000 passwords, names and words with their
// ranks, packed by pack.go from the frequency lists of
// github.com/trustelem/zxcvbn v1.0.1, whose licence is words.LICENSE.txt. They
// are unpacked when the first password is estimated, take 2 MB then, and are
// dropped some minutes after the last: a process that estimates nothing pays
// nothing, neither memory nor time.
//
// The work is bounded whatever the password: at most MaxLength characters are
// looked at, and at most maxDisguises readings of digits as letters.
//
// It must not know policies, users or settings.
package strength
