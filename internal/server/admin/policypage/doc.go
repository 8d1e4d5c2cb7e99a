// Package policypage holds the console's pages about policies: lists, forms with
// an editor for expressions, trials, and the scores of reputation policies.
//
// The form of a policy is derived from its kind (settingsform): a new kind needs
// nothing here. The package must not know how policies are evaluated, nor SQL; it
// changes things through internal/configure.
package policypage
