// Package flow owns the engine that takes a browser through the stages of a
// flow: it plans which stages apply, runs them one after the other, keeps what
// they share between requests, and answers with a challenge, a redirect or a
// refusal.
//
// It must not know HTTP, SQL or any stage. Stages never route to one another;
// each returns a Step to the Executor.
package flow
