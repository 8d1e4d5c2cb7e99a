// Package lockwatch keeps a program in step with the locks of a Portcullis
// server, so that it can refuse what is locked by itself: an SSH server's agent, a
// gateway to desktops, a proxy.
//
// A lock is a standing rule: while it is in force, every interaction is refused
// that has all keys of its target. A Watcher follows the locks over one
// connection, holds them in memory and answers from there:
//
//	w, err := lockwatch.New(lockwatch.Config{URL: "https://id.example.org", Token: token})
//	go w.Run(ctx)
//	err = w.Check(lockwatch.BestEffort, lockwatch.User("alice"), lockwatch.Login("root"))
//
// What it holds is believed for as long as the server keeps saying that it is
// whole: the lease of Config.MaxStaleness. When that has run out, and before the
// first time, the view is stale. In BestEffort mode the last view counts then; in
// Strict mode everything is refused. One Strict anywhere wins: the installation's
// own mode counts beside the one given to Check.
//
// The token is an API token of an account that may list locks. Every program
// should have one of its own.
//
// The package needs nothing but the standard library. It knows nothing of how the
// server works inside: it speaks the API under /api/v3/locks/.
package lockwatch
