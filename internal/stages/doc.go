// Package stages lists the kinds of stages. Each lives in a folder of its own
// with its settings, its challenge, its view and its tests; adding one is one
// folder and one line in All.
//
// Policies connects flows to the policy engine.
package stages
