// Package blueprint reads files that say what should exist (flows, stages,
// prompts, policies, brands, groups) and makes it so, in one transaction per
// file. The format is the one of authentik's blueprints, version 1.
//
// It owns parsing, tags, the mapping of models to nouns, and the errors with
// file, line, entry and field. Which values are right is the business of its
// Rules, which are those of everybody else's changes. It must not know HTTP, SQL
// or any stage: kinds of stages and policies are asked through the Kinds
// interface.
package blueprint
