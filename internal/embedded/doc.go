// Package embedded runs PostgreSQL for people who bring none.
//
// It owns one database cluster inside Portcullis' data directory and
// supervises PostgreSQL's own server programs over it: it finds them on the
// machine, makes the cluster once, starts the postmaster on a unix socket that
// nobody else can enter, restarts it when it dies and stops it when the last
// process that uses it leaves. Several processes may share one data directory.
//
// It must not know what is stored: no schema, no migrations, no queries beyond
// "is it up" and "does our database exist". Whoever wants the database gets
// its URL and nothing else.
//
// What lies in the data directory:
//
//	postgres/pgdata      the cluster, owned by the account PostgreSQL runs as
//	postgres/run         the socket (a short directory elsewhere if too long)
//	postgres.password    the database owner's password, 0600
//	postgres.log         what the postmaster says
//	postgres.lock        held exclusively while starting or stopping
//	postgres.users       held shared by every process that uses the database
package embedded
