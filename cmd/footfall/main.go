// Command footfall is web and affiliate analytics in one binary.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// version is set by the release build.
var version = "dev"

// command is one subcommand.
type command struct {
	name string // "site add"
	args string // for the usage line
	help string
	run  func(ctx context.Context, c *call) error
}

// call is one invocation of a command.
type call struct {
	config
	flags  *flag.FlagSet
	args   []string // positional
	json   bool
	stdout io.Writer
	stderr io.Writer
}

// usageError is a call that can't be understood.
type usageError struct{ why string }

func (e *usageError) Error() string { return e.why }

func misused(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func commands() []command {
	return slices.Concat(serveCommands, siteCommands, userCommands, embedCommands, dataCommands, visitCommands, backupCommands, archiveCommands, binCommands, dailyCommands, sqlCommands, copyCommands, retentionCommands, reprocessCommands, personCommands, eventCommands, segmentCommands, goalCommands, filterCommands, noteCommands, programCommands, shopCommands, orderCommands, hookCommands, asideCommands, mailCommands, reportCommands, alertCommands, careCommands)
}

// Go's collector lets the heap grow by gcPercent before it runs, but garbage by
// no more than headroom bytes; DuckDB has a limit of its own. GOMEMLIMIT and
// GOGC override both.
const (
	memoryLimit = 500 << 20
	headroom    = 350 << 20
	gcPercent   = 200
)

// limitGarbage keeps the memory limit a headroom above what is alive. A fixed
// limit would have the collector run without end once the ids of a busy day,
// which are needed, take all of it.
func limitGarbage(ctx context.Context) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for tick := time.NewTicker(5 * time.Second); ; {
		metrics.Read(live)
		debug.SetMemoryLimit(max(memoryLimit, int64(live[0].Value.Uint64())+headroom))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		go limitGarbage(ctx)
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit code: 2 for a call
// that can't be understood, 1 for one that failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd, rest, err := find(args)
	if err != nil {
		usage(stderr)
		fmt.Fprintf(stderr, "\nfootfall: %v\n", err)
		return 2
	}
	if cmd == nil {
		usage(stdout)
		return 0
	}
	c := &call{flags: flag.NewFlagSet(cmd.name, flag.ContinueOnError), stdout: stdout, stderr: stderr}
	c.flags.SetOutput(io.Discard)
	c.flags.BoolVar(&c.json, "json", false, "answer in JSON")
	c.config.declare(c.flags)
	declareOwn(cmd.name, c.flags)
	if c.args, err = parse(c.flags, rest); errors.Is(err, flag.ErrHelp) {
		c.help(stdout, cmd)
		return 0
	} else if err != nil {
		c.help(stderr, cmd) // before the error, which would scroll away
		fmt.Fprintf(stderr, "\nfootfall %s: %s\n", cmd.name, strings.Replace(err.Error(), "flag provided but not defined: -", "there is no flag --", 1))
		return 2
	}
	if len(c.args) > 0 && !cmd.takesArguments() {
		err = misused("%q is one word too many", c.args[0])
	} else if err = c.config.load(c.flags); err == nil {
		err = cmd.run(ctx, c)
	}
	var wrong *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "footfall %s: %v\nusage: footfall %s %s\n", cmd.name, err, cmd.name, cmd.args)
		return 2
	}
	fmt.Fprintf(stderr, "footfall %s: %v\n", cmd.name, err)
	return 1
}

// find picks the command with the longest matching name.
func find(args []string) (*command, []string, error) {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		return nil, nil, nil
	}
	if args[0] == "--version" {
		args = []string{"version"}
	}
	all := commands()
	for n := min(3, len(args)); n > 0; n-- {
		for i := range all {
			if all[i].name == strings.Join(args[:n], " ") {
				return &all[i], args[n:], nil
			}
		}
	}
	return nil, nil, fmt.Errorf("there is no command %q", strings.Join(args[:min(2, len(args))], " "))
}

// parse lets flags stand before, between and behind the other arguments.
func parse(flags *flag.FlagSet, args []string) (positional []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		args = flags.Args()
		if len(args) == 0 {
			return positional, nil
		}
		positional, args = append(positional, args[0]), args[1:]
	}
}

// valued is a flag in a usage line, with its value.
var valued = regexp.MustCompile(`--[a-z-]+( [\w|,]+)?`)

// takesArguments reports whether the usage line has words that belong to no flag.
func (c *command) takesArguments() bool {
	return strings.ContainsFunc(valued.ReplaceAllString(c.args, ""), unicode.IsLetter)
}

// help prints a command's own flags, and the settings only where they are what
// it is about.
func (c *call) help(w io.Writer, cmd *command) {
	fmt.Fprintf(w, "footfall %s %s\n  %s\n\n", cmd.name, cmd.args, cmd.help)
	all := slices.Contains([]string{"serve", "demo", "config"}, cmd.name)
	shown := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	shown.SetOutput(w)
	c.flags.VisitAll(func(f *flag.Flag) {
		if setting := slices.ContainsFunc(settings, func(s setting) bool { return s.name == f.Name }); all || !setting || f.Name == "data" {
			shown.Var(f.Value, f.Name, f.Usage)
			shown.Lookup(f.Name).DefValue = f.DefValue // not what was given
		}
	})
	shown.PrintDefaults()
	if !all {
		fmt.Fprint(w, "and the settings, see: footfall config --help\n")
	}
}

func usage(w io.Writer) {
	fmt.Fprint(w, "footfall: web and affiliate analytics that you own\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  footfall %-14s %-44s %s\n", c.name, c.args, c.help)
	}
	fmt.Fprint(w, "\nEvery command takes --data DIR and --json; footfall COMMAND --help tells the rest.\n")
}
