//go:build ignore

// Build makes the word lists of this folder from the reference data that lies
// beside the repository:
//
//	go run enrich/data/build.go -from ../shared/data -to enrich/data
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// special spells the few patterns that are no plain words; an empty list drops
// the pattern because its words also occur in browsers that people use.
var special = map[string][]string{
	`AdsBot-Google([^-]|$)`:             {"adsbot-google"},
	`(sistrix|SISTRIX) [cC]rawler`:      {"sistrix crawler"},
	`Ahrefs(Bot|SiteAudit)`:             {"ahrefsbot", "ahrefssiteaudit"},
	`(^| )sentry\/`:                     {"sentry/"},
	`(^| )PTST\/`:                       {"ptst/"},
	`BlogTraffic\/\d\.\d+ Feed-Fetcher`: {"blogtraffic/"},
	`ContextualBot[\s\S]*outcomes\.net`: {"contextualbot"},
	`Current[\s\S]*RSS Reader`:          {"rss reader"},
	`Spider[\s\S]*spider\.com`:          {"spider"},
	`SSL Labs$`:                         {"ssl labs"},
	`GoogleAssociationService$`:         {"googleassociationservice"},
	`AP3A\.240617\.008`:                 {"ap3a.240617.008"},
	`^Silk\/`:                           {"^silk/"},
	`Butterfly`:                         {"butterfly/"},
	`Sonic`:                             {"sonic/", "ranksonic"},
	`speedy`:                            {"speedy spider", "speedyspider"},
	`Fluid`:                             {"fluid/"},
	`BW\/`:                              {"bw/"},
}

// generic marks crawlers that no list knows yet, anywhere in the user agent.
var generic = []string{"*bot$", "*bots$", "*crawl", "*spider", "*slurp", "*scraper", "*fetcher", "*archiver", "*://"}

// specialTokens are AI crawlers' tokens that are also words of real apps.
var specialTokens = map[string][]string{"code": {"^code", "code/"}}

// exceptions are words of real browsers and devices that hold one of the others.
var exceptions = []string{"-cubot"}

func main() {
	from := flag.String("from", "../shared/data", "folder of the reference data")
	to := flag.String("to", "enrich/data", "folder to write to")
	flag.Parse()
	save(filepath.Join(*to, "bots.txt"), bots(filepath.Join(*from, "useragent-reference")))
	ref := filepath.Join(*from, "referrer-reference")
	save(filepath.Join(*to, "referrers.txt"), referrers(ref))
	spam := strings.Fields(string(read(filepath.Join(ref, "spam-hosts.txt.gz"))))
	slices.Sort(spam)
	save(filepath.Join(*to, "spam.txt"), slices.Compact(spam))
}

// bots turns the crawler patterns and the AI crawlers' tokens into words, in
// the notation that enrich/words.go describes.
func bots(dir string) []string {
	words := slices.Concat(generic, exceptions)
	for line := range lines(read(filepath.Join(dir, "bots.jsonl.gz"))) {
		var b struct{ Pattern string }
		must(json.Unmarshal(line, &b))
		words = append(words, fromPattern(b.Pattern)...)
	}
	for line := range lines(read(filepath.Join(dir, "ai-crawlers.jsonl.gz"))) {
		var c struct{ Name string }
		must(json.Unmarshal(line, &c))
		token := strings.ToLower(c.Name)
		if special, ok := specialTokens[token]; ok {
			words = append(words, special...)
			continue
		}
		words = append(words, token)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func fromPattern(p string) []string {
	if w, ok := special[p]; ok {
		return w
	}
	var words []string
	for alternative := range strings.SplitSeq(p, "|") {
		var b strings.Builder
		for i := 0; i < len(alternative); i++ {
			switch c := alternative[i]; {
			case c == '\\':
				i++
				b.WriteByte(alternative[i])
			case c == '[': // two cases of one letter
				b.WriteByte(alternative[i+1])
				i += strings.IndexByte(alternative[i:], ']')
			case strings.IndexByte("(){}*+?$", c) >= 0:
				log.Fatalf("pattern %q needs a line in special", p)
			default:
				b.WriteByte(c)
			}
		}
		words = append(words, strings.ToLower(strings.TrimSpace(b.String())))
	}
	return words
}

// referrers has a line for each name: class, name, hosts; fields end with a tab.
func referrers(dir string) []string {
	var out []string
	add := func(class, name string, hosts []string) {
		hosts = slices.DeleteFunc(hosts, func(h string) bool { return strings.Contains(h, "/") })
		out = append(out, class+"\t"+name+"\t"+strings.Join(hosts, " "))
	}
	for _, list := range []struct{ class, file string }{{"ai", "ai-assistants.json"}, {"social", "social-networks.json"}} {
		inOrder(read(filepath.Join(dir, list.file)), func(name string, d *json.Decoder) {
			var hosts []string
			must(d.Decode(&hosts))
			add(list.class, name, hosts)
		})
	}
	inOrder(read(filepath.Join(dir, "search-engines.json")), func(name string, d *json.Decoder) {
		var groups []struct{ URLs []string }
		must(d.Decode(&groups))
		var hosts []string
		for _, g := range groups {
			for _, u := range g.URLs {
				if u = strings.TrimPrefix(u, "www."); !slices.Contains(hosts, u) {
					hosts = append(hosts, u)
				}
			}
		}
		add("search", name, hosts)
	})
	return out
}

// inOrder calls each for every key of a JSON object, in the order of the file:
// the first search engine that has a host wins.
func inOrder(b []byte, each func(name string, d *json.Decoder)) {
	d := json.NewDecoder(bytes.NewReader(b))
	_, err := d.Token()
	must(err)
	for d.More() {
		name, err := d.Token()
		must(err)
		each(name.(string), d)
	}
}

func lines(b []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
			if !yield(s.Bytes()) {
				return
			}
		}
	}
}

func read(name string) []byte {
	b, err := os.ReadFile(name)
	must(err)
	if !strings.HasSuffix(name, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	must(err)
	b, err = io.ReadAll(z)
	must(err)
	return b
}

func save(name string, lines []string) {
	must(os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	fmt.Printf("%s: %d lines\n", name, len(lines))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
