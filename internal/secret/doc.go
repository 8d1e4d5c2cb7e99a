// Package secret turns passwords into hashes that are safe to keep and makes
// the random values that stand for a right: tokens and their digests.
//
// It owns the parameters of password hashing, the foreign hashes that an import
// may bring along (Django's pbkdf2_sha256, bcrypt and argon2, plain bcrypt), the
// bound on how much hashing runs at once, and every comparison that must take
// the same time whatever the outcome.
//
// It must not know users, storage, HTTP or flows: callers give it strings and
// store what they get.
//
// # Passwords
//
// New passwords become argon2id with 19 MiB, 2 passes and 1 lane, the first
// choice of the OWASP Password Storage Cheat Sheet, in the PHC string format.
// Verify says when a hash should be replaced (Result.Rehash): a foreign scheme,
// or parameters weaker than today's.
//
// NIST SP 800-63B (revision 3, section 5.1.1.2) asks verifiers that accept Unicode
// to apply NFKC or NFKD before hashing. Hash applies NFKC. Verify tries NFKC first for our own hashes and the
// password as typed first for foreign ones, which were made without
// normalisation; only a password that normalisation changes costs a second try.
//
// # Sealing
//
// A Sealer keeps what must be read again, such as the key of a token until it was
// shown, under the server's own secret: a setting, or a file that OwnSecret makes
// once. Several replicas need the same one.
//
// # Memory and time
//
// One argon2id hash needs 19 MiB that the library allocates anew each time, so
// unbounded hashing is an invitation to exhaust both memory and processors. A
// Hasher runs one hash per processor; the others wait in a bounded queue, and
// beyond that callers get idp.CodeBusy (503 with Retry-After). Garbage is
// collected before it exceeds one buffer; see Hasher. In a server's process a Pace
// has the collector wait for that instead of collecting for every hash. BenchmarkBurst and
// TestBurstStaysWithinMemory measure it: 64 at once took 41 MB over idle on two
// processors.
package secret
