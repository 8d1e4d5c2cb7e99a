// Package blueprint reads files that say what should exist (flows, stages,
// prompts, policies, brands, users, groups, tokens, invitations) and makes it
// so, in one transaction per file; it says beforehand what that would change; and
// it writes flows as such files. The format is the one of authentik's
// blueprints, version 1; blueprints/README.md tells where ours differs.
//
// It owns parsing, tags, the mapping of models to nouns, the problems with file,
// line, entry and field, the JSON schema for editors, and the blueprints that are
// kept applied (Library). Which values are right is the business of its Rules,
// Accounts, Tokens and Invitations, which are those of everybody else's changes.
// It must not know HTTP, SQL or any stage: kinds of stages and policies are asked
// through StageKinds and PolicyKinds.
package blueprint
