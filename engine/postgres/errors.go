package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errURL says nothing of what was given: a wrong URL may have parts of the
// password anywhere.
var errURL = errors.New("this is no URL of a PostgreSQL: it looks like postgres://user:password@host:5432/database?schema=footfall; write characters of the password other than letters and digits as %2F and so on")

// validName is what may stand before the underscore of a schema's name.
var validName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Is reports whether a setting is the URL of a PostgreSQL.
func Is(address string) bool {
	scheme, _, _ := strings.Cut(address, ":")
	return scheme == "postgres" || scheme == "postgresql"
}

// parse reads a URL.
func parse(address, room string) (config *pgx.ConnConfig, schema string, err error) {
	u, err := url.Parse(address)
	if err != nil || !Is(address) || u.Fragment != "" || strings.Trim(u.Path, "/") == "" {
		return nil, "", errURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	// A password among the options would be shown with the settings.
	if err != nil || u.Hostname() == "" && !query.Has("host") || query.Has("password") || query.Has("sslpassword") {
		return nil, "", errURL
	}
	name := "footfall"
	if query.Has("schema") {
		name = query.Get("schema")
	}
	if !validName.MatchString(name) {
		return nil, "", fmt.Errorf("the schema %q may have small letters, digits and underscores, up to 40, a letter first", name)
	}
	query.Del("schema")
	u.RawQuery = query.Encode()
	if config, err = pgx.ParseConfig(u.String()); err != nil {
		return nil, "", errURL
	}
	if !query.Has("connect_timeout") {
		config.ConnectTimeout = 10 * time.Second
	}
	// A server that is gone without a word is noticed within a minute.
	alive := net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}
	config.DialFunc = (&net.Dialer{KeepAliveConfig: alive}).DialContext
	if !query.Has("application_name") {
		config.RuntimeParams["application_name"] = "footfall"
	}
	return config, name + "_" + room, nil
}

// Where says where the tables of a URL are, without the password.
func Where(address string) (string, error) {
	config, schema, err := parse(address, "")
	if err != nil {
		return "", err
	}
	return place(config) + ", schema " + strings.TrimSuffix(schema, "_"), nil
}

// place is where a database is.
func place(c *pgx.ConnConfig) string {
	return fmt.Sprintf("PostgreSQL at %s, database %s", net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), c.Database)
}

// advice is what to do, by the server's code of an error.
var advice = map[string]string{
	"28P01": "check user and password of the URL",
	"28000": "check user and password of the URL, and pg_hba.conf of the server",
	"3D000": "create the database: createdb NAME",
	"42501": "let the user create schemas: GRANT CREATE ON DATABASE name TO user; or give the user schemas of these names",
	"53300": "let the server have more connections (max_connections): Footfall needs about 20",
	"53100": "make room on the server's disk",
	"25006": "a standby changes nothing: give the URL of the primary",
	"57P03": "the server is starting or stopping: try again",
}

// Said adds to an error of the server, or of the way to it, which server it is
// and what to do. Other errors stay as they are.
func (d *DB) Said(err error) error {
	var connect *pgconn.ConnectError
	said := code(err)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case advice[said] != "":
		return fmt.Errorf("%s: %w; %s", d.where, err, advice[said])
	case said == "" && errors.As(err, &connect):
		return fmt.Errorf("%s does not answer: is the server running, and does it listen there? %w", d.where, err)
	case said != "" || lost(err):
		return fmt.Errorf("%s: %w", d.where, err)
	}
	return err
}

// Taken reports whether an error is the breach of a unique index.
func Taken(err error) bool { return code(err) == "23505" }

func code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return ""
}

// lost reports whether an error is that of a connection that has ended.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var network *net.OpError
	if errors.As(err, &connect) {
		return false // a new one was tried
	}
	said := code(err)
	return said == "57P01" || said == "57P02" || strings.HasPrefix(said, "08") || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &network) || said == "" && pgconn.SafeToRetry(err)
}

// unanswered reports whether an error of Commit leaves open what became of it.
// (pgconn.SafeToRetry is no help: it is true of an answer that was cut off.)
func unanswered(err error) bool {
	return err != nil && !errors.Is(err, pgx.ErrTxCommitRollback) && !errors.Is(err, sql.ErrTxDone) && (code(err) == "" || lost(err))
}
