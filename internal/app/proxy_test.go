package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// The recipes of the README, as configuration of a test.
const (
	nginxConf = `
daemon off; worker_processes 1; pid <DIRECTORY>/nginx.pid; error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path <DIRECTORY>/a; proxy_temp_path <DIRECTORY>/b; fastcgi_temp_path <DIRECTORY>/c; uwsgi_temp_path <DIRECTORY>/d; scgi_temp_path <DIRECTORY>/e;
  server {
    listen <LISTEN>;
    location / {
      auth_request /outpost/forward-auth/nginx/;
      auth_request_set $sign_in $upstream_http_x_portcullis_sign_in;
      auth_request_set $remote_user_ $upstream_http_remote_user;
      auth_request_set $remote_groups $upstream_http_remote_groups;
      error_page 401 = @sign_in;
      proxy_set_header Remote-User $remote_user_;
      proxy_set_header Remote-Groups $remote_groups;
      proxy_set_header Host $http_host;
      proxy_pass http://<APPLICATION>;
    }
    location = /outpost/forward-auth/nginx/ {
      internal;
      proxy_pass http://<PORTCULLIS>;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Uri $request_uri;
      proxy_set_header X-Forwarded-Method $request_method;
    }
    location /outpost/forward-auth/ {
      proxy_pass http://<PORTCULLIS>;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
    location @sign_in {
      internal;
      if ($sign_in = "") { return 401; }
      return 302 $sign_in;
    }
  }
}
`
	caddyConf = `
{
  admin off
  auto_https off
  storage file_system <DIRECTORY>/caddy
}
http://:<PORT> {
  bind 127.0.0.1
  handle /outpost/forward-auth/* {
    reverse_proxy <PORTCULLIS>
  }
  handle {
    forward_auth <PORTCULLIS> {
      uri /outpost/forward-auth/caddy/
      copy_headers Remote-User Remote-Groups
    }
    reverse_proxy <APPLICATION>
  }
}
`
)

// startProxy starts a proxy with its configuration, until the test ends.
func startProxy(t *testing.T, dir, path string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", filepath.Base(path), said.String())
		}
	})
}

func findProgram(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skip(name + " is not on this machine: scripts/install-proxies.sh installs it")
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// surfer is a browser that knows hosts by where they are.
type surfer struct {
	*testing.T
	client *http.Client
}

func newSurfer(t *testing.T, at map[string]string) *surfer {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := strings.Cut(address, ":")
		return (&net.Dialer{}).DialContext(ctx, network, at[host])
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &surfer{t, &http.Client{Jar: jar, Transport: transport}}
}

// open opens an address as browsers do, and returns where that ends.
func (s *surfer) open(address string, header ...string) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, address, nil)
	require.NoError(s, err)
	r.Header.Set("Accept", "text/html,*/*")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := s.client.Do(r)
	require.NoError(s, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(s, err)
	if to, ok := strings.CutPrefix(res.Header.Get("Refresh"), "0; url="); ok {
		return s.open(to)
	}
	return res, string(body)
}

// Real proxies let in whoever is signed in, send the others to sign in and back, and
// notice a lockdown with the next request.
func TestRealProxiesAskForwardAuth(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(t *testing.T, dir, conf string){
		"nginx": func(t *testing.T, dir, conf string) {
			startProxy(t, dir, findProgram(t, "nginx"), "-p", dir, "-c", conf)
		},
		"caddy": func(t *testing.T, dir, conf string) {
			startProxy(t, dir, findProgram(t, "caddy"), "run", "--adapter", "caddyfile", "--config", conf)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			findProgram(t, name)
			wiki := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "wiki %s %s as %q in %q", r.Method, r.URL.RequestURI(), r.Header.Values("Remote-User"), r.Header.Values("Remote-Groups"))
			}))
			defer wiki.Close()
			s := blankSite(t, testkit.Database(t))
			s.open("trusted_proxies", "127.0.0.0/8", "public_url", "http://id.test")
			require.NoError(t, s.repos().Applications.Create(t.Context(), &idp.Application{Name: "Wiki", Slug: "wiki", ForwardHosts: []string{"wiki.test"}}))
			dir, at := t.TempDir(), freePort(t)
			server := strings.TrimPrefix(s.replicas[0].base, "http://")
			conf := filepath.Join(dir, "conf")
			text := map[string]string{"nginx": nginxConf, "caddy": caddyConf}[name]
			_, port, _ := net.SplitHostPort(at)
			for what, is := range map[string]string{"LISTEN": at, "PORT": port, "PORTCULLIS": server, "APPLICATION": strings.TrimPrefix(wiki.URL, "http://"), "DIRECTORY": dir} {
				text = strings.ReplaceAll(text, "<"+what+">", is)
			}
			require.NoError(t, os.WriteFile(conf, []byte(text), 0o600))
			run(t, dir, conf)
			require.Eventually(t, func() bool {
				c, err := net.Dial("tcp", at)
				if err == nil {
					c.Close()
				}
				return err == nil
			}, 20*time.Second, 20*time.Millisecond, "the proxy did not start")

			ada := s.user("ada")
			b := newSurfer(t, map[string]string{"wiki.test": at, "id.test": server})
			res, body := b.open("http://wiki.test/page?x=1")
			require.Equal(t, "id.test", res.Request.URL.Host, "not sent to sign in: %s %s", res.Status, body)
			_, cookie := s.cookie(ada)
			b.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: "id.test"}, []*http.Cookie{{Name: "authentik_session", Value: cookie}})
			res, body = b.open("http://wiki.test/page?x=1", "Remote-User", "root", "Remote-Groups", "admins")
			require.Equal(t, http.StatusOK, res.StatusCode, body)
			require.Contains(t, body, `wiki GET /page?x=1 as ["ada"] in [`)
			require.NotContains(t, body, "admins", "what browsers say of themselves came through")
			_, body = b.open("http://wiki.test/other", "Remote-User", "root")
			require.Contains(t, body, `wiki GET /other as ["ada"]`)

			program, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://wiki.test/api", strings.NewReader("{}"))
			require.NoError(t, err)
			answer, err := newSurfer(t, map[string]string{"wiki.test": at}).client.Do(program)
			require.NoError(t, err)
			answer.Body.Close()
			require.Equal(t, http.StatusUnauthorized, answer.StatusCode)

			s.admin().contain(map[string]any{"users": []idp.UserID{ada.ID}})
			res, body = b.open("http://wiki.test/page")
			require.Equal(t, "id.test", res.Request.URL.Host, body)
		})
	}
}
