package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/collect"
	"footfall/commerce"
	"footfall/dash"
	"footfall/enrich"
	"footfall/portal"
	"footfall/query"
	"footfall/sqlapi"
)

var serveCommands = []command{
	{"demo", "", "show a dashboard with real traffic in it and an affiliate programme, in a temporary directory", runDemo},
	{"serve", "", "run the server", func(ctx context.Context, c *call) error { return serve(ctx, c, nil, nil) }},
	{"restart", "", "restart the running server; its listening socket stays open", restart},
	{"login", "[EMAIL]", "print a one-time link to the dashboard, for the operator or for a person", login},
}

// serve runs the server until ctx ends or a restart is asked for. ready is
// called with the address once it answers.
func serve(ctx context.Context, c *call, places enrich.Places, ready func(h *house, address string)) error {
	log := c.logger()
	signals, asked := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	listener, inherited, err := listen(c.values["listen"])
	if err != nil {
		return err
	}
	defer listener.Close()
	wait := time.Duration(0)
	if inherited {
		wait = patience // a command may have slipped in between two servers
	}
	h, err := patiently(ctx, wait, func() (*house, error) { return openHouse(ctx, c.config, log, places) })
	if err != nil {
		return err
	}
	h.address = c.address(listener)
	stopControl, err := h.openControl(func() { asked <- struct{}{} })
	if err != nil {
		return errors.Join(err, h.close())
	}
	server := h.server()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stopWork := h.work(ctx)
	go h.watchRoom(ctx, asked)
	log.Info("listening", "address", h.address, "data", c.values["data"])
	if ready != nil {
		ready(h, h.address)
	} else {
		h.greet(ctx, c, listener)
	}
	restarting, err := untilEnd(ctx, log, signals, asked, served)
	h.end() // a rebuild puts the old store back meanwhile, and no roll holds up what is to end
	socket, dupErr := keepOpen(listener, restarting)
	err = errors.Join(err, dupErr, h.shutDoors(server, c.duration("drain")))
	stopControl()
	stopWork()
	closed := h.close()
	log.Info("stopped")
	if !restarting || err != nil {
		return errors.Join(err, closed)
	}
	if closed != nil { // as after a failure: what was accepted is on disk
		log.Warn("not everything was closed in order; it is put right by the start that follows", "error", closed)
	}
	return reexec(socket)
}

// shutDoors lets requests under way finish and takes no more.
func (h *house) shutDoors(server *http.Server, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		h.log.Warn("requests under way were cut off", "error", err)
		return server.Close()
	}
	return nil
}

// questions is how many questions at a time the doors put to the event store,
// together; it spreads each over all processors.
const questions = 4

// readTimeout is how long a request may take to arrive, a form with its fields;
// doors that take more than forms set a time of their own for each body.
const readTimeout = 30 * time.Second

// server puts the doors on the house.
func (h *house) server() *http.Server {
	proxies, _ := h.c.proxies() // checked at load
	collector := collect.New(h.sites, collect.Options{
		Publish: h.queue.Publish, Enricher: h.enrich, Count: h.meters.count, TrustedProxies: proxies, ProxyHeader: h.c.values["proxy-header"], Log: h.log, Links: linkBook{h}, Public: h.c.publicOrigin(),
		Refuse: func(ctx context.Context, site, reason, raw string) { h.refuse(ctx, "collect", site, reason, raw) },
	})
	orders := h.commerce(collector.Client)
	turns := query.MakeTurns(questions)
	source := query.Share(turns.Limit(query.Route(h, earned{h})), inTurn{h, turns}, h.streams.News)
	mailLink, letter := h.mailed()
	var pages *dash.Door
	var shared api.Shown
	shared.Metrics, shared.By = dash.Shows()
	figures := api.New(source, h.control, h.sites, api.Options{
		Log: h.log, Daily: h.bins, Export: h.writeExport, Visitors: people{h}, Segments: people{h},
		Affiliate: h.desk.Figures, Affiliates: earners{h}, Record: h.control.Record, Embed: h.readEmbed,
		Reports: source, Visits: visitsInTurn{inTurn{h, turns}, h}, Funnels: funnelsInTurn{h, turns},
		Goals: goalBook{h.control}, Saved: funnelBook{h.control}, Notes: h.control, Kept: h.control, Deletes: deletesEvents{h}, Erases: erasesPersons{h},
		Live: h.streams, Share: h.control.Share, Shared: shared, Client: collector.Client,
		Session: func(r *http.Request) (api.Session, error) { return h.session(pages, r) },
		Server:  func(ctx context.Context, l string) (map[string]string, error) { return pages.ServerTexts(ctx, l) },
	})
	pages = dash.New(source, h.sites, h.control, dash.Options{
		Questions: askedInTurn{source, visitsInTurn{inTurn{h, turns}, h}, funnelsInTurn{h, turns}}, Lately: source.Lately,
		Goals: goalBook{h.control}, Funnels: funnelBook{h.control}, Notes: h.control, Saved: h.control,
		Mail: mailLink, Letter: letter, Log: h.log, Status: h.balance,
		Operations: operations{h}, Setup: setup{h, collector}, Eraser: &h.erasers, Deleter: &h.deleters,
		Client: collector.Client, Public: h.c.publicOrigin(), Portal: "/portal", Earner: h.earner,
	})
	programs, tables := h.portal(pages, collector), h.sql()
	return &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: readTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // would print addresses
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := r.URL.Path
			switch {
			case collect.Handles(path):
				collector.ServeHTTP(w, r)
			case commerce.Handles(path):
				orders.ServeHTTP(w, r)
			case sqlapi.Handles(path):
				tables.ServeHTTP(w, r)
			case api.Handles(path):
				figures.ServeHTTP(w, r)
			case portal.Handles(path):
				programs.ServeHTTP(w, r)
			case path == "/healthz":
				fmt.Fprintln(w, "ok")
			case path == "/readyz":
				h.ready(w, r)
			case path == "/metrics":
				h.writeMetrics(r.Context(), w)
			default:
				pages.ServeHTTP(w, r)
			}
		}),
	}
}

// mailed is how links are sent by mail, to whoever asks and to who is invited; nil where no mail is.
func (h *house) mailed() (link func(string, account.Purpose, func(context.Context) (account.Person, string, error)) error, invitation func(context.Context, account.Invited, account.Grant) string) {
	if h.post == nil {
		return nil, nil
	}
	return h.mailLink, func(ctx context.Context, made account.Invited, g account.Grant) string {
		return h.sendInvited(ctx, made, g).Problem
	}
}

// balance is where the accepted events are, for the foot of the pages.
func (h *house) balance(ctx context.Context) (dash.Status, error) {
	s, err := h.status(ctx)
	return dash.Status{Accepted: s.Accepted, Stored: s.Stored, Duplicates: s.Duplicates, SetAside: s.SetAside + s.Dropped, Removed: s.Removed, Waiting: s.Waiting}, err
}

// ready answers whether events can be accepted and figures read.
func (h *house) ready(w http.ResponseWriter, r *http.Request) {
	_, err := h.status(r.Context())
	if since := h.queue.Refusing(); err == nil && !since.IsZero() {
		err = fmt.Errorf("events are refused since %s: the queue can't put them on its disk", since.UTC().Format(time.RFC3339))
	}
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ready")
}

// greet prints what to do next.
func (h *house) greet(ctx context.Context, c *call, l net.Listener) {
	people, err := h.control.People(ctx)
	if err == nil {
		err = h.invite(ctx, c.stdout, len(people) == 0)
	}
	if err != nil {
		h.log.Warn("no log-in link", "error", err)
		return
	}
	if c.values["public-url"] == "" && everywhere(l) {
		fmt.Fprintln(c.stdout, "The link is for a browser on this machine; for links that work elsewhere give --public-url, such as https://stats.example.com")
	}
	if all, _ := h.sites.Sites(ctx); len(all) == 0 {
		fmt.Fprintf(c.stdout, "Add your first site: footfall site add example.com --data %s\n", c.values["data"])
	}
}

// invite prints how to get to the dashboard. As long as nobody has an account,
// that is a link that logs in, and one to make the first account.
func (h *house) invite(ctx context.Context, w io.Writer, first bool) error {
	if !first {
		fmt.Fprintf(w, "Dashboard: %s/ (log in with e-mail and password; a link instead: footfall login)\n", h.address)
		return nil
	}
	link, err := h.control.AddLink(ctx, account.ForLogin, "", time.Hour)
	if err != nil {
		return err
	}
	setup, err := h.control.AddLink(ctx, account.ForSetup, "", 24*time.Hour)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Dashboard: %s/login?link=%s (once, within an hour; another one: footfall login)\n", h.address, link)
	fmt.Fprintf(w, "Set up:    %s/setup?link=%s (your e-mail and password; once, within a day)\n", h.address, setup)
	return nil
}

// address is how a person reaches the listener.
func (c *call) address(l net.Listener) string {
	if u := strings.TrimSuffix(c.values["public-url"], "/"); u != "" {
		return u
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return l.Addr().String()
	}
	if everywhere(l) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// everywhere reports whether a listener listens on all addresses.
func everywhere(l net.Listener) bool {
	tcp, ok := l.Addr().(*net.TCPAddr)
	return ok && tcp.IP.IsUnspecified()
}

// firstInherited is where systemd, and footfall restarting itself, leave an
// open listening socket (sd_listen_fds(3)).
const firstInherited = 3

// listen takes over an inherited socket, or opens one.
func listen(address string) (l net.Listener, inherited bool, err error) {
	pid, fds := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	os.Unsetenv("LISTEN_PID")
	os.Unsetenv("LISTEN_FDS")
	if n, _ := strconv.Atoi(fds); n >= 1 && pid == strconv.Itoa(os.Getpid()) {
		syscall.CloseOnExec(firstInherited)
		f := os.NewFile(firstInherited, "listener")
		defer f.Close()
		l, err = net.FileListener(f)
		return l, true, err
	}
	l, err = net.Listen("tcp", address)
	if err != nil {
		return nil, false, fmt.Errorf("%w; choose another with --listen", err)
	}
	return l, false, nil
}
