package demo

import (
	"fmt"

	"footfall/event"
)

// home is where visitors are from.
type home struct {
	country, language string
	regions           [4]string
	cities            [8]string
}

// crowdPlaces are countries by their share of visitors.
var crowdPlaces = homes([]weighted[[2]string]{
	{430, [2]string{"DE", "de-DE"}}, {120, [2]string{"US", "en-US"}}, {90, [2]string{"AT", "de-AT"}}, {80, [2]string{"CH", "de-CH"}}, {55, [2]string{"GB", "en-GB"}},
	{40, [2]string{"FR", "fr-FR"}}, {30, [2]string{"NL", "nl-NL"}}, {25, [2]string{"IT", "it-IT"}}, {22, [2]string{"ES", "es-ES"}}, {20, [2]string{"PL", "pl-PL"}},
	{15, [2]string{"IN", "en-IN"}}, {14, [2]string{"SE", "sv-SE"}}, {12, [2]string{"BE", "nl-BE"}}, {10, [2]string{"CZ", "cs-CZ"}}, {9, [2]string{"DK", "da-DK"}},
	{8, [2]string{"CA", "en-CA"}}, {6, [2]string{"BR", "pt-BR"}}, {5, [2]string{"JP", "ja-JP"}}, {5, [2]string{"AU", "en-AU"}}, {4, [2]string{"", ""}},
})

func homes(list []weighted[[2]string]) (out []weighted[home]) {
	for _, x := range list {
		h := home{country: x.value[0], language: x.value[1]}
		for i := range h.cities {
			if h.country != "" {
				h.regions[i/2] = fmt.Sprintf("Region %d (%s-%d)", i/2+1, h.country, i/2+1)
				h.cities[i] = fmt.Sprintf("City %d (%s-%d)", i+1, h.country, i/2+1)
			}
		}
		out = append(out, weighted[home]{x.weight, h})
	}
	return out
}

// crowdDevices are devices by their share: device, browser, system, their versions, screen.
var crowdDevices = []weighted[[6]string]{
	{270, [6]string{"phone", "Safari", "iOS", "Safari 18", "iOS 18", "under 576 px"}},
	{250, [6]string{"phone", "Chrome", "Android", "Chrome 141", "Android 10 or later", "under 576 px"}},
	{190, [6]string{"desktop", "Chrome", "Windows", "Chrome 141", "Windows 10 or 11", "1920 px and more"}},
	{80, [6]string{"desktop", "Edge", "Windows", "Edge 141", "Windows 10 or 11", "1440 to 1919 px"}},
	{70, [6]string{"desktop", "Safari", "macOS", "Safari 18", "macOS 10.15 or later", "1440 to 1919 px"}},
	{60, [6]string{"desktop", "Firefox", "Windows", "Firefox 143", "Windows 10 or 11", "1440 to 1919 px"}},
	{40, [6]string{"tablet", "Safari", "iOS", "Safari 18", "iOS 18", "768 to 991 px"}},
	{25, [6]string{"desktop", "Firefox", "Linux", "Firefox 143", "Linux", "1920 px and more"}},
	{15, [6]string{"phone", "Samsung Internet", "Android", "Samsung Internet 28", "Android 14", "under 576 px"}},
}

// came is where a session came from.
type came struct {
	class, source, referrer string
	campaign                event.Campaign
}

// crowdSources are sources by their share; which other site it was is drawn.
var crowdSources = []weighted[came]{
	{310, came{class: "direct"}},
	{300, came{"search", "Google", "https://www.google.com/", event.Campaign{}}},
	{25, came{"search", "Bing", "https://www.bing.com/", event.Campaign{}}},
	{20, came{"search", "DuckDuckGo", "https://duckduckgo.com/", event.Campaign{}}},
	{15, came{"search", "Ecosia", "https://www.ecosia.org/", event.Campaign{}}},
	{45, came{"social", "Instagram", "https://www.instagram.com/", event.Campaign{}}},
	{40, came{"social", "Facebook", "https://www.facebook.com/", event.Campaign{}}},
	{25, came{"social", "Mastodon", "https://mastodon.social/", event.Campaign{}}},
	{30, came{"ai", "ChatGPT", "https://chatgpt.com/", event.Campaign{}}},
	{50, came{"campaign", "newsletter", "", event.Campaign{Source: "newsletter", Medium: "email", Name: "spring"}}},
	{40, came{"campaign", "google", "https://www.google.com/", event.Campaign{Source: "google", Medium: "cpc", Name: "brand"}}},
	{100, came{class: "other"}},
}

// crowdSites are other sites with links.
var crowdSites = func() (hosts [crowdHosts]string) {
	for i := range hosts {
		hosts[i] = fmt.Sprintf("blog-%03d.example", i)
	}
	return hosts
}()
