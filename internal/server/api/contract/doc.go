// Package contract holds what published clients expect of every answer, as a
// table (contract.json), and checks answers against it. It is for tests: they
// put Watch in front of a server, and every response they see is checked.
//
// In the table an object maps keys to types; `*` after a key means that it is
// always there, `?` after a type that it may be null. A type is string,
// string:<format>, integer, number, boolean, map<type>, [type], the name of an
// object or an enumeration, or any. An answer may also be media:<type>, of which
// nothing more is known, or stream:<type>, messages that each hold one.
package contract
