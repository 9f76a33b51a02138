// Package secret names the headers that carry credentials, for the packages
// around the client that show or keep requests.
package secret

// Headers returns the canonical names of request headers whose values must not
// be shown. The email of the vendor's older scheme is one half of a pair and
// personal besides.
func Headers() []string {
	return []string{"Authorization", "Proxy-Authorization", "X-Auth-Key", "X-Auth-Email", "Cookie"}
}
