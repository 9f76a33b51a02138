// Package api reports the mTLS certificates of a Cloudflare account, when each expires,
// what uses it, and whether it can be deleted. An inventory reports a certificate as
// unused only if every source that could name it, except those that the caller leaves
// out, was read in full, and none names it.
//
// # Operations
//
//   - [Client.Certificates], [Client.Certificate]: the certificates of an account.
//   - [Client.Inventory]: all certificates of an account, each with its evidence.
//   - [Client.Evidence]: the evidence about one certificate.
//   - [Client.Associations], [Client.AllAssociations], [Client.Audit]: the result of
//     the operation "List mTLS certificate associations" alone. The vendor does not
//     document which services it names, so its [Unused] proves less than that of an
//     inventory.
//   - [Client.Zones], [Client.Hostnames]: where a CA is associated with hostnames.
//   - [Client.Upload], [Client.WaitUnused], [Client.DeleteUnused]: see Rotation.
//
// # A program
//
//	client, err := api.New(api.APIToken(token), options...) // without options: the real API
//	if err != nil {
//		log.Fatal(err)
//	}
//	for item, err := range client.Inventory(ctx, account) {
//		if err != nil {
//			log.Fatal(err) // the last item: the inventory is incomplete
//		}
//		switch item.Evidence.Usage() {
//		case api.InUse:
//			fmt.Println(item.Certificate.Name, "is used by", item.Evidence.Uses)
//		case api.Unused:
//			fmt.Println(item.Certificate.Name, "is unused; it expires on", item.Certificate.ExpiresOn)
//		case api.UsageUnknown:
//			fmt.Println(item.Certificate.Name, "is", item.Evidence)
//		}
//	}
//
// # Errors
//
// Every error of [New] and of a call is an [*Error]. [errors.As] gives its fields:
// the HTTP status, the API's codes and messages, the Ray ID, how long to wait, the
// number of attempts. [errors.Is] classifies it:
//
//   - [ErrRateLimited]: HTTP 429, or code 971 with any status; also, with Attempts 0,
//     when the wait for the client's own limiter would be too long
//   - [ErrUnauthorized]: 401, or 400 with one of the codes 6003, 6102,
//     6103, 6111, 9103, 9106, 9107, also inside of an error_chain
//   - [ErrForbidden]: 403
//   - [ErrNotFound]: 404
//   - [ErrServer]: 5xx
//   - [ErrRedirect]: 3xx
//   - [ErrRejected]: any other 4xx, and 2xx with "success": false
//   - [ErrUnexpectedResponse]: the response is not the documented JSON, or has a status
//     that is not listed here. An error with one of the statuses above matches that
//     class too. A sequence also returns ErrUnexpectedResponse for a list that is stale
//     or contains errors
//   - [ErrNoResult]: a success without a result
//   - [ErrResponseTooLarge]: more bytes, or items, than [WithMaxResponseBytes] allows
//   - [ErrUnreachable]: no response arrived; StatusCode is 0
//   - [ErrInvalidArgument]: an argument is invalid; nothing was sent
//   - [ErrNotAsked]: nothing was sent for another reason
//   - [ErrTruncated]: from sequences, sources and [Client.Hostnames]: more items exist,
//     or may exist, than were received
//   - [ErrInUse], [ErrUsageUnknown], [ErrManaged], [ErrMismatch],
//     [ErrOutcomeUnknown]: see [Client.WaitUnused], [Client.DeleteUnused] and
//     [Client.Upload]
//
// Of the classes from ErrRateLimited to ErrRejected, only the first that applies
// matches. The causes match too: the error of the caller's context, a network error. If
// the context ends during the wait for a retry, the error has the last response and the
// error of the context. Only the caller's own deadline matches
// [context.DeadlineExceeded]; a limit of the client or its transport does not.
//
// The vendor documents the envelope and the HTTP statuses, but no list of codes. The
// codes above are from consistent public reports. Code 10000 with HTTP 403, an
// [ErrForbidden], is from the vendor's documentation.
//
// # Rate limits
//
// The vendor allows a user or token 1,200 requests per 5 minutes, including those of
// other tools and of the dashboard. Above that, it refuses all requests for 5 minutes.
//
// A client makes at most 1,000 requests in any 5 minutes, including retries.
// [WithRateLimit] sets another limit. A request counts from its start until 5 minutes
// after its completion, so the limit holds whether the vendor's windows are fixed or
// sliding. Each client has a limit of its own: share one client. The default leaves 200
// requests to other tools and to net/http, which may repeat a GET when an idle
// connection breaks.
//
// An [ErrRateLimited] of the API, or another retried status with a Retry-After, begins
// a block: no caller of the client sends a request until the wait is over, for at most
// 24 hours. Then one request is sent. If it succeeds, others follow: the number in
// flight doubles with each round trip. If requests are refused again, the number starts
// at one again: it doubles up to half of what was in flight at the refusal, and then
// grows by one with each round trip.
//
// A valid Ratelimit header also delays requests. For example, after "default";r=50;t=30
// the client sends at most 50 more requests in the next 30 seconds. An invalid header
// is ignored.
//
// # Retries
//
// A call makes up to four attempts ([WithMaxAttempts]). An attempt is one request with
// its response, up to the last byte of the body. A GET or DELETE is retried after:
//
//   - HTTP 408, 429, 500, 502, 503, 504, 520 to 527 and 530, and code 971
//   - no response, except for a TLS certificate that does not verify, a peer that
//     VerifyConnection or VerifyPeerCertificate of the caller's [http.Transport]
//     refuses, or a proxy that refuses the connection with a 3xx or 4xx
//   - a body that ends early, cannot be decompressed, or takes too long
//
// An upload is retried only if it had no effect: the API itself refused it with an
// [ErrRateLimited] that is not a 5xx, or the transport shows that no connection was
// made. The transport of net/http shows this through package httptrace, and so does one
// that wraps it and passes the context on.
//
// The delay before a retry is random (full jitter). Its upper limit is 100 ms before
// the first retry, and doubles with each further one up to 8 s. The delay is not
// shorter than Retry-After, which may be in seconds or a date. After an
// [ErrRateLimited] with a Retry-After of 0, or no readable one, the delay is the reset
// of the Ratelimit header. If there is neither a readable Retry-After nor that header,
// the delay is 5 minutes. After consecutive refusals, it is at least 1 s, 2 s, 4 s and
// so on up to 1 minute.
//
// A single call, which is one outside an audit or inventory, waits for at most
// [WithMaxRetryWait] in total, and not beyond the deadline of its context. If a wait
// for the server or the limiter would be longer, the call returns at once, with the
// last failure and RetryAfter set. [Client.Upload], [Client.WaitUnused] and
// [Client.DeleteUnused] have limits of their own for the time in which they check the
// outcome.
//
// All callers of a client share a retry budget of 50 tokens: a retry takes 5, a success
// gives 1 back. While too few are left, a call makes one attempt, so a failing server
// does not get four times the load.
//
// WithMaxRetryWait does not apply to an audit or inventory, whose calls also wait for
// the end of an outage. An outage is a time without a response to any request of the
// client, after an earlier response. During an outage, only one of these calls sends
// requests, as a probe, and the others wait. The probe is sent at once, again after 100
// ms, then after 200 ms and so on up to 2 s. Single calls continue as usual. For the
// calls of an audit or inventory, a failure in a block, in an outage or before the
// first response takes no tokens. For them, an [ErrRateLimited] never counts as an
// attempt. The first failure of each outage counts; further ones do not until the call
// has failed in the outage for longer than [WithAttemptTimeout]: its own request may
// then be the cause. If no connection can be made, they count after 15 minutes. A lack
// of file descriptors is handled like an outage, so that these calls use fewer
// connections.
//
// # Evidence
//
// A source is a part of the API that can name certificates. There are seven; each
// [Source] documents what it covers. Associations, Hyperdrive and Gateway can name any
// certificate; hostnames and device posture rules only CAs; Workers and Pages only leaf
// certificates. All sources apply if the API does not state whether a certificate is a
// CA, or contradicts its PEM.
//
// [Evidence.Usage] is [InUse] if a source names the certificate, [Unused] if all
// sources that apply were read in full and none names it, and [UsageUnknown] otherwise.
// If the credentials may not read a source, the usage of the certificates that it could
// name is unknown unless another source names them, and [SourceResult] has the missing
// permission. [WithSources] limits the evidence to some sources. Values that were made
// by the caller or read from JSON have [UsageUnknown].
//
// # Responses
//
// A response is a success if it has a 2xx status other than 206, is JSON, and has
// "success": true and a result. Anything else is an error. Duplicate names, invalid
// UTF-8 and trailing data are [ErrUnexpectedResponse]; so is a wrong JSON type of a
// member that decides what the response means. Other members of a wrong type are left
// zero and named in Malformed, at most 100 in a list. Members that this version does
// not know are accepted; unknown values of service and status pass through.
//
// The lists of certificates, zones and Pages projects have pages, which are read as
// long as their numbers show that there are more. Any other list, of n items, is
// truncated if:
//
//   - count or total_count is above n, or total_pages or page is above 1
//   - one of the numbers is negative
//   - n is at least per_page, and there is neither total_count nor total_pages
//   - result_info or the response itself has a member called cursor, cursors, next,
//     next_cursor, next_page, next_page_token or has_more that is not null, false or
//     empty
//   - a Link header points to the next page (RFC 8288) or cannot be parsed
//   - there is a Content-Range header
//
// A list is stale when the Age header is anything but 0, a Warning header has one of
// the codes 110 to 113 or cannot be parsed, a Cache-Status header (RFC 9211) has a hit
// or cannot be parsed, or CF-Cache-Status is HIT, STALE or UPDATING. Every request has
// Cache-Control: no-cache. A truncated or stale list can prove that a certificate is in
// use, but not that it is unused.
//
// # Iteration
//
// A sequence sends its first request when the loop begins; each range sends new
// requests. [Client.Audit] yields the error of a certificate in its result. In the
// other sequences, an error comes last, with a zero item: a loop without an error has
// seen every item once, except after the changes that [Client.Certificates] describes.
//
// # Many certificates
//
// [Client.Inventory] and [Client.Audit] send up to 32 requests at a time. They wait for
// the limiter, and for the end of outages and of blocks of up to 15 minutes; see
// Retries. When a zone names a CA, requests for further zones may be in flight; an
// inventory makes at most 32 of these unnecessary requests. An audit of 10,000
// certificates takes about 45 minutes at the default rate.
//
// # Rotation
//
// A rotation uploads the new certificate, updates the users of the old one, waits until
// nothing uses the old one, and deletes it. Uploading and deleting need the permission
// "SSL and Certificates Write" of the account.
//
//	stored, err := client.Upload(ctx, account, api.CertificateUpload{
//		Name: "edge 2027", PEM: chain, Key: api.PrivateKeyPEM(key),
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	refer(stored.Ref) // every user of the old certificate
//	if _, err := client.WaitUnused(ctx, old); err != nil {
//		log.Fatal(err) // names what still uses it
//	}
//	deletion, err := client.DeleteUnused(ctx, old)
//
// Upload checks a certificate before it is sent ([CertificateUpload.Validate]). The
// private key is sent in the body of that request, and is in no log and no error.
//
// DeleteUnused is the only method that deletes. It sends the request only if the
// evidence that it has just gathered is [Unused], and reports the certificate as
// deleted only if the API had it and then reports it as missing: with the code 1472, or
// with HTTP 404 and a list without it. [Deletion] is the record of the call, also in
// JSON.
//
// If a request to upload or delete may have arrived and its outcome stays unknown, the
// error is [ErrOutcomeUnknown]. Then repeat the call: Upload returns the certificate,
// uploaded or found, and DeleteUnused deletes it or returns [ErrNotFound].
//
// # Authentication
//
// The vendor recommends [APIToken]. A token needs the permission "SSL and Certificates
// Read" of the account, or Write; an inventory also needs that of each source. [APIKey]
// takes the email and global API key, and [CredentialsFromEnv] reads the environment.
//
// Credentials are set on each request, and only for the origin of the base URL.
// Redirects are not followed, so that they cannot leak the credentials. No value of
// this package shows them when it is printed, logged or marshalled; where a server
// echoes them, they are replaced by "[redacted]". The caller's own transport sees them
// in each request: some tracers record the X-Auth-Key header.
//
// # Connections
//
// The default transport speaks HTTP/2 where the server does and uses the proxy of the
// environment; [WithHTTPClient] sets another one, for example for tracing.
// [WithBaseURL], [WithAttemptTimeout] and [WithMaxResponseBytes] state their defaults.
//
// # Testing
//
// Package apitest is a fake of the API for the tests of programs that use this
// package; package contract has a [net/http.RoundTripper] that compares real
// traffic with the contract. An [Error] can be made by hand, for example
// &api.Error{StatusCode: 404}, and matches its sentinel.
//
// # Concurrency
//
// A [Client], [Credentials] and the sequences that a client returns are safe
// for concurrent use; each range over a sequence is independent. An
// [AssociationList] and an [Error] belong to the caller. [Client.CloseIdleConnections]
// closes idle connections.
//
// Each attempt, which is sending a request and reading the response, runs on a
// goroutine of its own. A panic or [runtime.Goexit] in the caller's transport continues
// on the goroutine of the call; in an audit or inventory, both become a panic in the
// loop. When the context or the time of an attempt ends and the transport does not
// return within another 100 ms, the call continues without it. The goroutine of the
// attempt then stays until the transport returns; a late response is closed, and a
// panic is dropped. Otherwise no goroutine outlives its call or range.
//
// In Go before 1.26.11, and in Go 1.27 before 1.27.4, the transport of net/http does not
// return after an HTTP/2 server has made the window of a stream overflow. Every further
// attempt over that transport then takes its full time. Build with a newer Go.
package api

// Each sentence of the package comment is in tests/readme/testdata/promises/api.txt,
// with the tests that show it.
