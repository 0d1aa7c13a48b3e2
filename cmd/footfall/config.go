package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"footfall/archive"
	"footfall/geo/maxmind"
)

// setting is one line of the configuration: a flag, an environment variable
// (FOOTFALL_ and the name in capitals) and a key of the file, all of one name.
type setting struct{ name, usual, help string }

var settings = []setting{
	{"data", "footfall-data", "directory that everything is kept in"},
	{"config", "", "YAML file with these settings"},
	{"listen", "127.0.0.1:8080", "address to listen on"},
	{"public-url", "", "address the world knows this server by, such as https://stats.example.com"},
	{"mail", "", "mail server that invitations, links and payout notices are sent by, such as smtp://USER@mail.example.com:587, or smtps://; none: links are printed and shown"},
	{"mail-from", "", "address they come from, such as Footfall <footfall@example.com>"},
	{"mail-password-file", "", "file with the mail server's password"},
	{"geo", "", "file of the MaxMind format for countries or, with a city file, regions and cities, too; without one, places are unknown"},
	{"trusted-proxies", "", "networks of proxies whose word on a sender's address is believed, such as 10.0.0.0/8,::1/128"},
	{"proxy-header", "X-Forwarded-For", "the header in which these proxies give it: X-Forwarded-For, Forwarded, or one that holds one address, such as X-Real-IP"},
	{"queue-max-age", "168h", "how long the queue keeps what was read"},
	{"store-memory", "512MB", "DuckDB's memory limit"},
	{"hot", "memory", "where figures since the last roll are kept: memory, none, or redis://HOST:PORT"},
	{"control", inDirectory, "where sites, people, keys and the affiliate ledger are kept: sqlite (in the data directory), or postgres://USER:PASSWORD@HOST/DATABASE"},
	{"archive", "", "where the archive is kept: a directory, file:///… or s3://bucket/prefix; none: in the data directory"},
	{"archive-bytes", strconv.Itoa(archive.FlushBytes), "size of an archive flush in bytes, as events take in memory"},
	{"archive-age", strings.TrimSuffix(archive.FlushAge.String(), "0s"), "age of an archive flush"},
	{"drain", "20s", "how long a stopping server goes on writing what it accepted"},
	{"log", "text", "log as text or json"},
}

// config holds the settings' values and where each came from.
type config struct {
	values map[string]string
	from   map[string]string
}

func (c *config) declare(flags *flag.FlagSet) {
	for _, s := range settings {
		flags.String(s.name, s.usual, s.help)
	}
}

// load takes each setting from its flag, else the environment, else the file,
// else the default.
func (c *config) load(flags *flag.FlagSet) error {
	given := map[string]string{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	c.values, c.from = map[string]string{}, map[string]string{}
	take := func(s setting, file map[string]string) {
		env := "FOOTFALL_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
		c.values[s.name], c.from[s.name] = s.usual, "default"
		if v, ok := file[s.name]; ok {
			c.values[s.name], c.from[s.name] = v, "file"
		}
		if v, ok := os.LookupEnv(env); ok {
			c.values[s.name], c.from[s.name] = v, "environment "+env
		}
		if v, ok := given[s.name]; ok {
			c.values[s.name], c.from[s.name] = v, "flag"
		}
	}
	for _, s := range settings {
		take(s, nil)
	}
	file, err := readConfig(c.values["config"])
	if err != nil {
		return err
	}
	for _, s := range settings {
		take(s, file)
	}
	return c.check()
}

func readConfig(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	raw := map[string]any{}
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	file := map[string]string{}
	for key, v := range raw {
		name := strings.ReplaceAll(key, "_", "-")
		known := false
		for _, s := range settings {
			known = known || s.name == name && name != "config"
		}
		if !known {
			return nil, fmt.Errorf("configuration %s: unknown key %q; footfall config lists the keys", path, key)
		}
		file[name] = fmt.Sprint(v)
	}
	return file, nil
}

// check refuses values that would only fail later.
func (c *config) check() error {
	for _, name := range []string{"queue-max-age", "archive-age", "drain"} {
		if _, err := time.ParseDuration(c.values[name]); err != nil {
			return fmt.Errorf("%s (from %s): %q is not a length of time such as 5m", name, c.from[name], c.values[name])
		}
	}
	if c.duration("queue-max-age") < time.Second {
		return fmt.Errorf("queue-max-age (from %s): %s is less than a second; 168h is usual", c.from["queue-max-age"], c.values["queue-max-age"])
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if name := c.values["proxy-header"]; name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("proxy-header (from %s): %q is no header such as X-Forwarded-For or X-Real-IP", c.from["proxy-header"], name)
	}
	if l := c.values["listen"]; !strings.Contains(l, ":") {
		return fmt.Errorf("listen (from %s): %q is no address with a port; write :8080 to listen on a port of all addresses", c.from["listen"], l)
	}
	if _, err := c.mail(); err != nil {
		return err
	}
	if l := c.values["log"]; l != "text" && l != "json" {
		return fmt.Errorf("log (from %s): %q is neither text nor json", c.from["log"], l)
	}
	if err := checkControl(c.values["control"]); err != nil {
		return fmt.Errorf("control (from %s): %w", c.from["control"], err)
	}
	if _, _, err := c.archiveKeeper(); err != nil {
		return fmt.Errorf("archive (from %s): %w", c.from["archive"], err)
	}
	var n int
	if _, err := fmt.Sscan(c.values["archive-bytes"], &n); err != nil || n < 1 {
		return errors.New("archive-bytes: not a number of bytes")
	}
	return nil
}

func (c *config) duration(name string) time.Duration {
	d, _ := time.ParseDuration(c.values[name]) // checked at load
	return d
}

func (c *config) number(name string) (n int) {
	fmt.Sscan(c.values[name], &n) // checked at load
	return n
}

func (c *config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, s := range strings.FieldsFunc(c.values["trusted-proxies"], func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted-proxies (from %s): %q is not a network such as 10.0.0.0/8", c.from["trusted-proxies"], s)
		}
		list = append(list, p)
	}
	return list, nil
}

// showConfig prints every value and where it came from.
func showConfig(_ context.Context, c *call) error {
	if c.json {
		out := map[string]map[string]string{}
		for name, v := range c.values {
			out[name] = map[string]string{"value": redacted(v), "from": c.from[name]}
		}
		return errors.Join(c.print(out, nil), c.tryFiles())
	}
	names := make([]string, 0, len(c.values))
	for name := range c.values {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(c.stdout, "%-18s %-24s %s\n", name, orDash(redacted(c.values[name])), c.from[name])
	}
	return c.tryFiles()
}

// tryFiles opens the files that a server opens when it starts.
func (c *call) tryFiles() error {
	if c.values["geo"] == "" {
		return nil
	}
	places, err := maxmind.Open(c.values["geo"], nil)
	if err != nil {
		return err
	}
	return places.Close()
}

// redacted hides the passwords of a value that is a URL, or was meant as one.
func redacted(v string) string {
	scheme, rest, isURL := strings.Cut(v, "://")
	if !isURL {
		return v
	}
	if u, err := url.Parse(v); err == nil {
		u.RawQuery = redactedOptions(u.RawQuery)
		return u.Redacted()
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "xxxxx" + rest[at:]
	}
	place, options, has := strings.Cut(rest, "?")
	if has {
		place += "?" + redactedOptions(options)
	}
	return scheme + "://" + place
}

// redactedOptions hides those that are passwords, or can't be read.
func redactedOptions(query string) string {
	options := strings.Split(query, "&")
	for i, option := range options {
		written, _, is := strings.Cut(option, "=")
		if name, err := url.QueryUnescape(written); is && (err != nil || strings.Contains(strings.ToLower(name), "password")) {
			options[i] = written + "=xxxxx"
		}
	}
	return strings.Join(options, "&")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
