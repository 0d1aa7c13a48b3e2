package enrich

import (
	"strconv"
	"strings"
)

// number reads digits at the front of s, of which a version has at most four: a
// longer number is something else, and may tell people apart.
func number(s string) (n int, rest string, ok bool) {
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits == 0 || digits > 4 {
		return 0, s, false
	}
	n, err := strconv.Atoi(s[:digits])
	return n, s[digits:], err == nil
}

// after is the version that follows the first piece that is there and has one:
// major, and minor if it is said (else -1).
func after(low string, pieces ...string) (major, minor int, ok bool) {
	for _, piece := range pieces {
		_, rest, found := strings.Cut(low, piece)
		if !found {
			continue
		}
		if major, rest, ok = number(rest); !ok {
			continue
		}
		minor = -1
		if rest != "" && (rest[0] == '.' || rest[0] == '_') {
			if n, _, said := number(rest[1:]); said {
				minor = n
			}
		}
		return major, minor, true
	}
	return 0, 0, false
}

// browserPieces are what a browser's version follows, the surest first.
var browserPieces = map[string][]string{
	"Chrome": {"crios/", "headlesschrome/", "chrome/", "chromium/"}, "Firefox": {"fxios/", "focus/", "klar/", "firefox/", "firefox-"}, "Safari": {"version/"},
	"Edge": {"edg/", "edga/", "edgios/", "edge/"}, "Opera": {"opr/", "opt/", "opx/", "coast/", "version/", "opera/", "opera "}, "Opera Mini": {"opera mini/", "opios/"},
	"Samsung Internet": {"samsungbrowser/"}, "Vivaldi": {"vivaldi/"}, "Brave": {"brave/", "chrome/"}, "DuckDuckGo": {"duckduckgo/", "ddg/"},
	"Yandex Browser": {"yabrowser/", "yasearchbrowser/"}, "UC Browser": {"ucbrowser/", "ubrowser/", "ucmobile/", "uc browser", "ucbrowser"}, "QQ Browser": {"mqqbrowser/", "qqbrowser/", "qq/"},
	"MIUI Browser": {"miuibrowser/"}, "Huawei Browser": {"huaweibrowser/"}, "Honor Browser": {"honorbrowser/"}, "HeyTap Browser": {"heytapbrowser/"}, "vivo Browser": {"vivobrowser/"},
	"Oculus Browser": {"oculusbrowser/"}, "Amazon Silk": {"silk/", "silk-accelerated="}, "Whale": {"whale/"}, "Coc Coc": {"coc_coc_browser/"}, "Google App": {"gsa/"},
	"Facebook": {"fbav/"}, "Messenger": {"fbav/"}, "Instagram": {"instagram "}, "Pinterest": {"pinterest/", "pinterest for android/"}, "Snapchat": {"snapchat/", "snapchat "},
	"WeChat": {"micromessenger/"}, "KakaoTalk": {"kakaotalk/", "kakaotalk "}, "LINE": {" line/"}, "Spotify": {"spotify/"},
	"Pale Moon": {"palemoon/"}, "SeaMonkey": {"seamonkey/"}, "Waterfox": {"waterfox/"}, "Thunderbird": {"thunderbird/"}, "Maxthon": {"maxthon/", "maxthon "},
	"Konqueror": {"konqueror/"}, "Epiphany": {"epiphany/"}, "Falkon": {"falkon/"}, "Puffin": {"puffin/"}, "Baidu": {"baiduboxapp/", "baidubrowser/", "bidubrowser/"},
}

// browserVersion is a browser with its major version: "Firefox 128". Where none
// is told it is the browser alone, so that it tells no less than the browser does.
func browserVersion(low, browser string) string {
	major, _, ok := after(low, browserPieces[browser]...)
	if browser == "Internet Explorer" {
		// From version 8 on the engine says which one it is; the rest is what the
		// page asked it to be.
		if major, _, ok = after(low, "trident/"); ok {
			major = min(major+4, 11) // the last one
		} else {
			major, _, ok = after(low, "iemobile/", "iemobile ", "msie ")
		}
	}
	if !ok {
		return browser
	}
	return browser + " " + strconv.Itoa(major)
}

// windows are the names of Windows by what its kernel calls itself. That of 11 is
// the one of 10.
var windows = map[[2]int]string{{10, 0}: "10 or 11", {6, 3}: "8.1", {6, 2}: "8", {6, 1}: "7", {6, 0}: "Vista", {5, 2}: "XP", {5, 1}: "XP", {5, 0}: "2000"}

// systemVersion is a system with the version that people know it by; where none
// is told it is the system alone. Browsers have stopped telling some: where one
// says the same of all that came later, so does this.
func systemVersion(low, system string) string {
	switch system {
	case "Windows":
		major, minor, _ := after(low, "windows nt ", "winnt")
		return with(system, windows[[2]int{major, minor}])
	case "macOS":
		return with(system, macVersion(low))
	case "iOS":
		return with(system, phoneVersion(low))
	case "Android":
		major, minor, ok := after(low, "android ", "android/", "android-")
		switch {
		case !ok:
			return system
		case major == 10 && strings.Contains(low, "android 10; k)"):
			return system + " 10 or later" // Chrome's only answer since 2023
		case major < 5 && minor >= 0:
			return with(system, decimal(major, minor))
		}
		return with(system, strconv.Itoa(major))
	case "HarmonyOS":
		return whole(low, system, "openharmony ", "harmonyos ", "harmonyos/")
	case "Windows Phone":
		return pair(low, system, "windows phone os ", "windows phone ")
	case "Tizen":
		return pair(low, system, "tizen ", "tizen/")
	case "KaiOS":
		return pair(low, system, "kaios/")
	case "tvOS":
		return whole(low, system, "tvos/", "tvos ")
	case "watchOS":
		return whole(low, system, "watchos/", "watch os ")
	}
	return system
}

// macVersion is 10.4 up to 10.14, of which each was one, or 11 and later. All
// browsers say 10.15 since that came.
func macVersion(low string) string {
	major, minor, ok := after(low, "mac os x ", "macos ", "macos/")
	if kernel, _, told := after(low, "darwin/"); !ok && told {
		if major, minor, ok = 10, kernel-4, kernel >= 8; kernel >= 20 {
			major, minor = release(kernel, 9), 0
		}
	}
	switch {
	case !ok:
		return ""
	case major == 10 && minor >= 15:
		return "10.15 or later"
	case major == 10 && minor >= 0:
		return decimal(major, minor)
	}
	return strconv.Itoa(major)
}

// phoneVersion is the major version of iOS. Safari 26 and later says 18 whatever
// it runs on, but its own version is the system's.
func phoneVersion(low string) string {
	major, _, ok := after(low, "iphone os ", "cpu os ", "ios/", "ios ")
	if kernel, _, told := after(low, "darwin/"); !ok && told && kernel >= 15 { // 14 is of two
		major, ok = release(kernel, 6), true
	}
	if !ok {
		return ""
	}
	if browser, _, told := after(low, "version/"); told && major == 18 {
		major = max(major, browser)
	}
	return strconv.Itoa(major)
}

// release is the release that an Apple kernel from 2020 on is of: the numbers of
// iOS were 6 and those of macOS 9 less than the kernel's, then both became the year.
func release(kernel, less int) int {
	if kernel >= 25 {
		return kernel + 1
	}
	return kernel - less
}

func with(system, version string) string {
	if version == "" {
		return system
	}
	return system + " " + version
}

func decimal(major, minor int) string { return strconv.Itoa(major) + "." + strconv.Itoa(minor) }

// whole is a system with its major version, if one follows a piece.
func whole(low, system string, pieces ...string) string {
	if major, _, ok := after(low, pieces...); ok {
		return with(system, strconv.Itoa(major))
	}
	return system
}

// pair is a system with its major and minor version, if they follow a piece.
func pair(low, system string, pieces ...string) string {
	if major, minor, ok := after(low, pieces...); ok && minor >= 0 {
		return with(system, decimal(major, minor))
	}
	return whole(low, system, pieces...)
}
