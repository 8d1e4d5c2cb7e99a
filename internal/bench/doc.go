// Command bench measures the built binary against the bars of
// internal/PERFORMANCE.md. Machines differ and are shared, so a bar is a ratio
// to a yardstick measured in the same run, or a count; figures in seconds are
// printed beside them for orientation.
//
// The yardsticks: GET /-/health/live/ (a handler that does nothing, behind the
// same middleware without sign-in), the statement SELECT 1, a committed
// single-row UPDATE, and NOTIFY to a listener, all on the database that the
// server under test uses.
package main
