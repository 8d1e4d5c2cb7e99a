// Package configure changes the objects of the configuration: brands, flows,
// flow bindings, stages, prompts, policies and policy bindings. Every door (the
// API, the console, blueprints) writes them by its rules.
//
// It owns who may change them, which values they may have, that what they refer
// to exists, and the event of each change, all in one transaction. It must not
// know HTTP, SQL or what any kind of stage or policy is about.
package configure
