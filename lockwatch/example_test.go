package lockwatch_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

// A program refuses what is locked.
func ExampleWatcher_Check() {
	portcullis := demo(`event: put
data: {"name": "dc7cee9d-fe5e-4534-a90d-db770f0234a1", "target": {"user": "alice"}, "message": "Suspicious activity.", "text": "lock targeting User:\"alice\" is in force: Suspicious activity."}

`)
	defer portcullis.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	w, err := lockwatch.New(lockwatch.Config{URL: portcullis.URL, Token: "an API token"})
	if err != nil {
		log.Fatal(err)
	}
	go w.Run(ctx)
	if err := w.Synced(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Check(lockwatch.BestEffort, lockwatch.User("alice"), lockwatch.Login("root")))
	fmt.Println(w.Check(lockwatch.BestEffort, lockwatch.User("bob"), lockwatch.Login("root")))
	// Output:
	// lock targeting User:"alice" is in force: Suspicious activity.
	// <nil>
}

// A session ends as soon as a lock on it is in force.
func ExampleWatcher_Guard() {
	portcullis := demo(`event: put
data: {"name": "dc7cee9d-fe5e-4534-a90d-db770f0234a1", "target": {"login": "root"}, "text": "lock targeting Login:\"root\" is in force"}

`)
	defer portcullis.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	w, err := lockwatch.New(lockwatch.Config{URL: portcullis.URL, Token: "an API token"})
	if err != nil {
		log.Fatal(err)
	}
	go w.Run(ctx)
	err = w.Guard(ctx, lockwatch.BestEffort, lockwatch.User("alice"), lockwatch.Login("root"))
	fmt.Println("closing the session:", err)
	// Output: closing the session: lock targeting Login:"root" is in force
}

// A program hears of the locks that concern it.
func ExampleWatcher_Subscribe() {
	portcullis := demo(`event: put
data: {"name": "dc7cee9d-fe5e-4534-a90d-db770f0234a1", "target": {"windows_desktop": "front-desk"}, "text": "lock targeting WindowsDesktop:\"front-desk\" is in force"}

`)
	defer portcullis.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	w, err := lockwatch.New(lockwatch.Config{URL: portcullis.URL, Token: "an API token"})
	if err != nil {
		log.Fatal(err)
	}
	go w.Run(ctx)
	s := w.Subscribe(lockwatch.Key{Kind: lockwatch.KindWindowsDesktop, Value: "front-desk"})
	defer s.Close()
	fmt.Println((<-s.Events()).Put.Text)
	// Output: lock targeting WindowsDesktop:"front-desk" is in force
}

// demo is a server with one lock.
func demo(locks string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "event: reset\ndata: {}\n\n%sevent: sync\ndata: {\"age_ms\": 0, \"now\": %q, \"mode\": \"best_effort\"}\n\n",
			locks, time.Now().Format(time.RFC3339Nano))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
}

// filled is a watcher that holds so many locks.
func filled(t testing.TB, n int) *lockwatch.Watcher {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "event: reset\ndata: {}\n\n")
		for i := range n {
			fmt.Fprintf(w, "event: put\ndata: {\"name\": \"%d\", \"target\": {\"login\": \"root\", \"user\": \"u%d\"}}\n\n", i, i)
		}
		fmt.Fprintf(w, "event: sync\ndata: {\"now\": %q, \"mode\": \"best_effort\"}\n\n", time.Now().Format(time.RFC3339Nano))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	w, err := lockwatch.New(lockwatch.Config{URL: s.URL, Token: "key"})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() { _ = w.Run(ctx) }()
	require.NoError(t, w.Synced(ctx))
	return w
}
