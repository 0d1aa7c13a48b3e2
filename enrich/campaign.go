package enrich

import (
	"strings"

	"footfall/event"
)

// campaignStep reads the UTM parameters of the page's query string, unless the
// client named a campaign itself, and lets them decide class and source: a
// click from an e-mail program has no referrer and would be "direct".
func (x *Enricher) campaignStep(e *event.Event, _ Sender) {
	c := &e.Campaign
	if *c == (event.Campaign{}) && strings.Contains(e.Search, "utm_") {
		*c = campaignOf(e.Search)
	}
	for _, text := range []*string{&c.Source, &c.Medium, &c.Name, &c.Term, &c.Content} {
		*text = fit(*text)
	}
	if c.Source == "" || e.Class != "" {
		return
	}
	e.Class = mediumClass(c.Medium)
	var class string
	class, e.Source = x.named(c.Source)
	// ChatGPT and some others mark their links with their host and nothing else.
	if c.Medium == "" && class != "" {
		e.Class = class
	}
}

// mediumClass is the table of docs/enrichment.md; what is paid for is a
// campaign, wherever it was seen.
func mediumClass(medium string) string {
	switch strings.ToLower(strings.TrimSpace(medium)) {
	case "email", "e-mail", "e_mail", "mail", "newsletter":
		return classEmail
	case "social", "social-network", "social_network", "social network", "social-media", "social_media", "social media", "organic_social", "organic-social", "sm":
		return classSocial
	case "organic", "organic_search", "organic-search", "search":
		return classSearch
	case "ai", "ai-assistant", "ai_assistant", "llm":
		return classAI
	}
	return classCampaign
}

// campaignOf reads the first non-empty value of each UTM parameter.
func campaignOf(search string) (c event.Campaign) {
	for pair := range strings.SplitSeq(search, "&") {
		key, value, _ := strings.Cut(pair, "=")
		var to *string
		switch strings.ToLower(key) {
		case "utm_source":
			to = &c.Source
		case "utm_medium":
			to = &c.Medium
		case "utm_campaign":
			to = &c.Name
		case "utm_term":
			to = &c.Term
		case "utm_content":
			to = &c.Content
		default:
			continue
		}
		if *to == "" {
			*to = strings.TrimSpace(unescape(value))
		}
	}
	return c
}

// unescape decodes a form value; what is no escape stays as it is, because a
// badly written link is still a campaign's.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			b = append(b, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// hex is the value of a hexadecimal digit, -1 for any other byte.
func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
