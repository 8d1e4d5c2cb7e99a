// Package accountlockdown is the stage that contains the accounts a flow is
// about: the pending user, or the list that whoever began the flow put into
// its context.
//
// All judgement and all change is the lockdown use case's; the stage resolves
// targets and reason, and leads the browser on. It does so when it is entered:
// the warning and the question belong to a prompt stage before it.
package accountlockdown
