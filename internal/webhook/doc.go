// Package webhook tells other programs of events, by HTTP requests: as JSON, or as
// messages that Slack, Mattermost and Discord take.
//
// It owns what such a request looks like and how it is signed, which answers mean that
// it has arrived, and where the server may connect to at all: an address of a hook is
// typed by people who may not reach what the server can reach.
//
// It must not know rules, queues or SQL: it sends one message once.
package webhook
