package postgres

import (
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

// A network that swallows everything must not hold requests for as long as TCP
// would: connections are made in this time, and one that answers nothing at all
// any more is given up after silence.
const (
	connectLimit = 5 * time.Second
	silence      = 20 * time.Second
)

// patient bounds how long connections of this configuration wait for the network.
func patient(config *pgx.ConnConfig) {
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = connectLimit
	}
	dialer := &net.Dialer{Control: giveUp,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 2, Interval: silence / 8, Count: 4}}
	config.DialFunc = dialer.DialContext
}
