package collect

import (
	"fmt"
	"strings"
	"testing"
)

func TestPrivateKeys(t *testing.T) {
	for _, key := range strings.Fields(`
		ip IP Ip $ip _ip ip_ ips IPs ip4 ip6 ipv4 IPv4 ipv6 ip_v4 ip-address ip_address ipAddress IPAddress IP_ADDRESS ipaddress ipaddr ip_addr
		ip_addresses ipv4Address ipv6Address IPv6Address ipv4_addr ipaddressv4 ip_list ip_hash ip_raw ipOverride
		userIp userIP user_ip userip USERIP USER_IP user_ipaddress sourceIp source_ip sourceip srcIp src_ip srcip dst_ip dest_ip clientIp
		clientip CLIENTIP CLIENT_IP client_ip_address clientIpAddress clientAddress client_address client-addr client_ips clientIPs clientIPv4
		peerIp peer_ip peerAddress net.peer.ip net.sock.peer.addr network.peer.address hostIp host_ip hostip serverIp serverip remoteIp
		remote_ip remote_addr REMOTE_ADDR remoteAddress remote-address remote_host REMOTE_HOST remoteHost client_host peerHost last_login_ip
		lastLoginIp loginip signup_ip visitorIp visitorip requestIp req_ip publicIp externalIp local_ip lanip myip podIP geo_ip geoip
		x-forwarded-for X-Forwarded-For xForwardedFor x_forwarded_for HTTP_X_FORWARDED_FOR x-original-forwarded-for forwarded Forwarded
		forwarded-for x-vercel-forwarded-for x-vercel-proxied-for x-forwarded x-real-ip X-Real-IP xRealIp x-client-ip x-cluster-client-ip
		fastly-client-ip fly-client-ip cf-connecting-ip CF-Connecting-IPv6 cf-pseudo-ipv4 true-client-ip True-Client-IP do-connecting-ip
		x-appengine-user-ip x-azure-clientip x-azure-socketip x-envoy-external-address x-nf-client-connection-ip incap-client-ip
		ali-cdn-real-ip wl-proxy-client-ip proxy-client-ip x-originating-ip x-remote-addr x-proxyuser-ip HTTP_CLIENT_IP c-ip cip _cip uip _uip
		UserHostAddress userHostAddress USER_HOST_ADDR xff XFF http_xff client_xff visitor_addr visitorAddress remote_addr_1 REMOTE_ADDR2
		ip_public ip_client ip_real ip_user ipUser ipOfUser ip_source ipPublicV4 ip_remote_address ip1 IP2 ip_1 ip_address_1 ipAddress12 IPAddr1
		IP_ADDR_10 ip_addresses_raw lastip last_ip browserip browserIp browser_ip registrationip registrationIp buyerip buyerIP homeip cfip
		client_ip_1 userIp2 ip_internal ip_original ip_admin
		userAgent user_agent User-Agent HTTP_USER_AGENT useragent $user_agent $raw_user_agent rawUserAgent userAgentData user_agent_string
		client_user_agent user_agent.original browserUserAgent ua UA _ua $ua ua_string uaData client_ua sec-ch-ua Sec-CH-UA-Full-Version-List`) {
		if !private([]byte(key)) {
			t.Errorf("%s is kept", key)
		}
	}
	if long := strings.Repeat("very_", 20) + "last_ip"; !private([]byte(long)) {
		t.Errorf("%s is kept", long)
	}
	for _, key := range strings.Fields(`
		a p i recipe ship shipping shipAddress shipaddress shipping_address ship_addr membership ownership tip tips tip_amount equip equipment
		zip zipcode zip_code ZIP ZIPCode zipCode iPad ipad iPhone iPod ipadOS IPTV ipsum lorem_ipsum description script transcript subscription
		clip clips chip VIP vip is_vip isVip skip trip strip flip grip snippet pip hip relationship gossip manuscript multiple principal
		VoIP voip voice_over_ip TCP/IP tcp_ip ip_country ipCountry ip_city ip_version ip67 IP68 ip_rating ip_user_count ip_public_country ip_first_seen ipServerName ip_67 zip1
		zip_user zipClient shipSource ship_to_client tip_public vipUser clip_1 chip4 scripts ip1_country xf fxf ip_of_country email address addresses
		billing_address user_address email_address postalAddress add adder addresslineOne address1 mac_address quantity language equal
		title_ua name_ua uah dua actual manual agent agency travel_agent page campaign engagement forward forwarding forwarder award software
		x-forwarded-proto x-forwarded-host host hostname ghost photos applied copied source sourceId source_host client client_id remote
		remote_control network peer server via`) {
		if private([]byte(key)) {
			t.Errorf("%s is dropped", key)
		}
	}
	if n := testing.AllocsPerRun(100, func() { private([]byte("x-original-forwarded-for")); private([]byte("description")) }); n > 0 {
		t.Errorf("judging a key allocates %v times", n)
	}
}

func TestAddressValues(t *testing.T) {
	for _, x := range []struct {
		text    string
		address bool
	}{
		{"203.0.113.9", true}, {" 203.0.113.9 ", true}, {"203.0.113.9:8080", true}, {"2001:db8::7", true}, {"[2001:DB8::7]:443", true},
		{"[2001:db8::7]", true}, {"fe80::1%eth0", true}, {"::1", true}, {"::ffff:203.0.113.9", true}, {"203.0.113.9, 10.0.0.1", true},
		{"203.0.113.9;203.0.113.10", true}, {"203.0.113.9 203.0.113.10", true}, {"203.0.113.9 ;\t203.0.113.10:80,", true}, {"203.0.113.9/32", true},
		{"2001:db8::/32", true}, {"[2001:db8::1%eth0]:443", true}, {`"203.0.113.9"`, true}, {"ip=203.0.113.9", true}, {"::ffff:cb00:7109", true},
		{`for="[2001:db8::7]:443";proto=https;by=203.0.113.1`, true}, {"203.0.113.9/path", false}, {"a=b;c=d...", false}, {"...", false}, {"::::", false},
		{"203.0.113.9;x", false}, {"Chrome/120.0.0.0", false}, {"203.0.113.9-203.0.113.10", false},
		{"", false}, {"1.84.3", false}, {"next-1.84.3", false}, {"120.0.6099.129", false}, {"12:30:45", false}, {"00:1b:44:11:3a:b7", false},
		{"2026-11-20T22:00:00.123Z", false}, {"203.0.113.9 is mine", false}, {"https://203.0.113.9/", false}, {"de", false}, {"a.b.c.d", false},
	} {
		if got := (&writer{}).tells([]byte(x.text), true); got != x.address {
			t.Errorf("%q: %v", x.text, got)
		}
	}
}

// TestAddressesEnd sends addresses under every sort of key and place: what is
// kept or set aside of them is what the site told as its own property.
func TestAddressesEnd(t *testing.T) {
	const context = `{"seen_from":"203.0.113.9","network":{"gw":"2001:db8::7","path":["203.0.113.10","203.0.113.11:80","wifi"]},"app":{"version":"4.2.0.1"},"os":{"Version":"10.0.0.1"},"n":[1,2]}`
	const kept = `{"network":{"path":["wifi"]},"app":{"version":"4.2.0.1"},"os":{"Version":"10.0.0.1"},"n":[1,2]}`
	w := newWorld(Site{}, nil)
	rec := w.post("/v1/batch", `{"context":{"edge":"203.0.113.12","locale":"de"},"batch":[
		{"type":"track","event":"x","properties":{"sku":"10.0.0.1","$ip":"203.0.113.9","deep":[{"user_ip":"203.0.113.9","recipe":"r"}]},"context":`+context+`},
		{"type":"track","properties":{"sku":"10.0.0.1","source_ip":"203.0.113.9"},"context":`+context+`},
		{"type":"track","event":"y","properties":{"sku":"10.0.0.1"}}]}`)
	if rec.Code != 200 || len(w.events) != 2 || len(w.refused) != 2 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if e := w.events[0]; e.Properties != `{"sku":"10.0.0.1","deep":[{"recipe":"r"}]}` || e.Context != kept[:len(kept)-1]+`,"locale":"de"}` {
		t.Errorf("kept %s and %s", e.Properties, e.Context)
	}
	if e := w.events[1]; e.Properties != `{"sku":"10.0.0.1"}` || e.Context != `{"locale":"de"}` {
		t.Errorf("kept of the next %s and %s", e.Properties, e.Context)
	}
	if want := `{"type":"track","properties":{"sku":"10.0.0.1"},"context":` + kept + `}`; w.refused[1] != want {
		t.Errorf("set aside %s\n     want %s", w.refused[1], want)
	}
}

// TestContextIsJudged: no spelling and no place lets an address stay in what is
// said of the sender's surroundings, whoever's it is.
func TestContextIsJudged(t *testing.T) {
	w := newWorld(Site{}, nil)
	rec := w.post("/v1/batch", `{"batch":[{"type":"track","event":"x","context":{"a":"203.0.113.7;203.0.113.8","b":"203.0.113.7 203.0.113.8","c":"203.0.113.7/32",
		"d":"[2001:db8::1%eth0]:443","203.0.113.7":1,"2001:db8::1":{"k":2},"os":{"version":{"a":"203.0.113.7","n":1}},"versions":{"version":["203.0.113.7"]},
		"app":{"version":"4.2.0.1"},"l":[["203.0.113.7:80"],"x"],"e":{"203.0.113.7:80, 203.0.113.8":3}}},
		"203.0.113.7",["203.0.113.7","x"],{"type":"nonsense","x":"203.0.113.7","203.0.113.7":1,"properties":"203.0.113.7","traits":{"sku":"10.0.0.1"}}]}`)
	if rec.Code != 200 || len(w.events) != 1 || len(w.refused) != 6 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if got, want := w.events[0].Context, `{"os":{"version":{"n":1}},"versions":{"version":[]},"app":{"version":"4.2.0.1"},"l":[[],"x"],"e":{}}`; got != want {
		t.Errorf("kept %s\nwant %s", got, want)
	}
	for i, want := range []string{`""`, `["x"]`, `{"type":"nonsense","traits":{"sku":"10.0.0.1"}}`} {
		if got := w.refused[2*i+1]; got != want {
			t.Errorf("set aside %s, want %s", got, want)
		}
	}
}

// TestOwnAddressEnds: the address a request came from, and the one that context.ip
// tells, are kept nowhere, in whatever field and spelling; others are the site's.
func TestOwnAddressEnds(t *testing.T) {
	for _, x := range []struct{ own, told string }{
		{"192.0.2.1", "203.0.113.9"}, {"192.0.2.1:8080", "::ffff:203.0.113.9"}, {"::ffff:c000:201", "203.0.113.9/32"},
		{"10.0.0.2, 192.0.2.1", "10.0.0.2;203.0.113.9"}, {"for=192.0.2.1;proto=https", "seen from 203.0.113.9 today"},
		{"https://shop.example/a.b.c?x=1&ip=192.0.2.1", "203.0.113.9 is mine"}, {`{'client': '192.0.2.1'}`, "<203.0.113.9>"},
	} {
		w := newWorld(Site{}, nil)
		members := fmt.Sprintf(`{"sku":"10.0.0.1","a":%[1]q,"b":{"c":[%[1]q,"x",%[2]q],"version":%[2]q},%[1]q:1,"context":{"n":%[2]q}}`, x.own, x.told)
		event := `"userId":"192.0.2.1","anonymousId":"::ffff:192.0.2.1","groupId":"203.0.113.9","previousId":"192.0.2.1","context":{"ip":"203.0.113.9","campaign":{"source":"192.0.2.1","term":"t"}},
			"category":"192.0.2.1","traits":` + members + `,"properties":` + members[:len(members)-1] + `,"name":"192.0.2.1","title":"203.0.113.9","url":"https://shop.example/?a=1&ip=192.0.2.1&b=2","search":"?ip=192.0.2.1"}}`
		rec := w.post("/v1/batch", `{"batch":[{"type":"page","messageId":"m",`+event+`,{"type":"nonsense",`+event+`]}`)
		if rec.Code != 200 || len(w.events) != 1 || len(w.refused) != 2 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		const kept = `{"sku":"10.0.0.1","b":{"c":["x"]},"context":{}}`
		e := w.events[0]
		if e.Traits != kept || e.Properties != kept || e.Search != "a=1&b=2" || e.Campaign.Term != "t" {
			t.Errorf("%s, %s: kept %s, %s and %s", x.own, x.told, e.Properties, e.Traits, e.Search)
		}
		if all := fmt.Sprintf("%+v", e) + w.refused[1]; strings.Contains(all, "192.0.2.1") || strings.Contains(all, "203.0.113.9") || strings.Contains(all, "c000:201") {
			t.Errorf("%s, %s: kept %s", x.own, x.told, all)
		}
	}
	// Others' stay: a hosting shop sells them.
	w := newWorld(Site{}, nil)
	w.post("/v1/track", `{"event":"x","properties":{"sold":"192.0.2.10","range":"192.0.2.0/24","list":"192.0.2.11, 192.0.2.12","note":"192.0.2.13 is mine"}}`)
	if len(w.events) != 1 || w.events[0].Properties != `{"sold":"192.0.2.10","range":"192.0.2.0/24","list":"192.0.2.11, 192.0.2.12","note":"192.0.2.13 is mine"}` {
		t.Errorf("of others: %+v", w.events)
	}
}

func BenchmarkPrivate(b *testing.B) {
	var keys [][]byte
	for _, k := range strings.Fields("type messageId anonymousId name originalTimestamp sentAt properties path referrer search title url category context page userAgent locale library version campaign source description") {
		keys = append(keys, []byte(k))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, k := range keys {
			private(k)
		}
	}
}
