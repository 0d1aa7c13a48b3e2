package demo

import (
	"math/rand/v2"
	"net/netip"
)

// countries are the ISO codes behind the data set's country codes; "" is one
// that the data names by a top-level domain only, or not at all.
var countries = [48]string{1: "AU", "AT", "BE", "VG", "KY", "CX", "HR", "CY", "CZ", "DK", "EE", "", "FO", "FI", "FR", "DE",
	"GR", "HU", "IS", "IN", "IE", "IT", "LV", "LT", "LU", "MX", "NL", "NO", "PL", "PT", "RO", "RU", "SM", "SK", "SI", "ES",
	"SE", "CH", "UA", "AE", "GB", "US"}

// ranges are the nets that the demo's addresses lie in.
var ranges = [2][3]byte{{203, 0, 113}, {198, 51, 100}}

func address(country int, r *rand.Rand) netip.Addr {
	net := ranges[r.IntN(len(ranges))]
	return netip.AddrFrom4([4]byte{net[0], net[1], net[2], byte(country)})
}

// weighted is an entry of a list to draw from.
type weighted[T any] struct {
	weight int
	value  T
}

func draw[T any](list []weighted[T], r *rand.Rand) T {
	sum := 0
	for _, e := range list {
		sum += e.weight
	}
	n := r.IntN(sum)
	for _, e := range list {
		if n -= e.weight; n < 0 {
			return e.value
		}
	}
	panic("demo: the weights do not add up")
}

// origin is where a session came from.
type origin struct{ referrer, search string }

var origins = []weighted[origin]{
	{260, origin{"https://www.google.com/", ""}},
	{230, origin{}},
	{90, origin{"", "utm_source=newsletter&utm_medium=email&utm_campaign=summer-sale"}},
	{75, origin{"https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=maternity-jeans"}},
	{60, origin{"https://chatgpt.com/", "utm_source=chatgpt.com"}},
	{55, origin{"https://www.instagram.com/", ""}},
	{50, origin{"https://mastodon.social/", ""}},
	{45, origin{"https://www.bing.com/", ""}},
	{35, origin{"https://www.facebook.com/", ""}},
	{30, origin{"https://duckduckgo.com/", ""}},
	{25, origin{"https://www.pinterest.com/", ""}},
	{20, origin{"https://www.perplexity.ai/", ""}},
	{15, origin{"https://slow-fashion-journal.example/maternity-basics", ""}},
	{10, origin{"https://two-under-two.example/what-i-wore", ""}},
}

// agents follow the forms that current browsers send; the last two are bots,
// so that the demo shows how they are kept apart.
var agents = []weighted[string]{
	{270, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"},
	{230, "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36"},
	{200, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"},
	{70, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"},
	{60, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0"},
	{50, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{40, "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"},
	{30, "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"},
	{20, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{10, "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"},
	{12, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
	{8, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"},
}
