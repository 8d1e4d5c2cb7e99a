// Package policy decides whether something applies to somebody: it compiles and
// runs expressions, knows the kinds of policies, and combines the bindings of a
// target into one answer.
//
// It must not know flows, stages, storage or HTTP. Callers load the bindings and
// pass plain facts (idp.PolicyRequest); what comes back is an answer, its messages
// and a trace.
//
// # Expressions
//
// Expressions are written in expr-lang (https://expr-lang.org) and see one
// environment, listed by Environment for pages and documentation:
//
//	request.user                whom the question is about; also as user
//	request.http_request.user   who is signed in, nil = nobody; also as http_request.user
//	request.http_request.path   and .method, .query
//	request.context.*           what the flow knows so far; also as context.*
//	request.obj                 the flow or stage the policy is bound to, nil = not known
//	prompt_context.*            the answers given so far (context.prompt_data)
//	client_ip                   the client's address as text, "" when unknown
//	ak_client_ip                the same, "255.255.255.255" when unknown
//
// Users are plain maps: pk, uuid, username, name, email, path, type, is_active,
// is_superuser, attributes, groups (names, ancestors included). A field that does
// not exist is an error when the expression is saved, not a silent nil.
//
// Policies may ask for other policies (ak_call_policy), for users (ak_user_by) and
// for more of their groups than the names (ak_is_group_member with a map)
// where an engine has a Directory, set values of the flow's context (set_context),
// write events (ak_create_event) and send mail
// (ak_send_email) where it has Effects, and ask the DNS (resolve_dns,
// reverse_dns) where it has a Resolver; prompts may not. Python, which other
// products use, is refused with the line and the form it has here, and with the
// whole of it where Translate is certain. Names that are left out on purpose say
// why (absent.go).
//
// A policy that lets administrators pass, but not an account's owner:
//
//	let target_user = request.context.pending_user;
//	let current_user = request.http_request.user;
//	target_user != nil and current_user != nil and target_user.pk != current_user.pk
//
// A warning that names everybody a lockdown is about:
//
//	let targets = context.lockdown_target_users;
//	"<p><strong>Locking down:</strong></p><ul>"
//	  + join(map(targets, "<li><code>" + escape(.username) + "</code></li>"))
//	  + "</ul>"
//
// # Bounds
//
// Expressions come from operators, yet a slip must not take the process down, so
// every one of them is bounded: length, nodes, steps, text and list sizes, and
// 100 ms of time, not counting what it waits for others. Functions that could grow
// without bound are replaced by bounded ones of the same name; method calls,
// chained comparisons and the short form a ?: b are refused. See guard.go for how,
// meter.go for how much, and FuzzExpression.
//
// What an evaluation asks, writes, sends and looks up is counted over all the
// policies it asks; a trial (Engine.Try, or a request for debugging) writes and
// sends nothing, and its journal tells what would have been. Whatever leaves an
// expression that way may come from strangers: secrets of the request are taken
// out by name and by value, mails are plain text to plain addresses with
// subjects of one line, and an event names the policy that wrote it.
//
// A policy that fails to evaluate gives the binding's failure result and is
// never negated: failing closed is the default.
package policy
