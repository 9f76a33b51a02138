// Package api answers which mTLS certificates a Cloudflare account has, what uses
// each of them, until when, and which may be deleted. It calls a certificate
// unused only when every source that could name it has answered in full.
//
// # What it answers
//
//   - [Client.Certificates], [Client.Certificate]: the certificates of an account.
//   - [Client.Inventory]: all of them with the evidence about each.
//   - [Client.Evidence]: the evidence about one.
//   - [Client.Associations], [Client.AllAssociations], [Client.Audit]: what the
//     operation "List mTLS certificate associations" alone says. The vendor does
//     not document which services it names, so its [Unused] proves less than that
//     of an inventory.
//   - [Client.Zones], [Client.Hostnames]: where a CA is associated with hostnames.
//   - [Client.Upload], [Client.WaitUnused], [Client.DeleteUnused]: see Changing.
//
// # A program
//
//	client, err := api.New(api.APIToken(token), options...) // without options: the real API
//	if err != nil {
//		log.Fatal(err)
//	}
//	for item, err := range client.Inventory(ctx, account) {
//		if err != nil {
//			log.Fatal(err) // comes last: the inventory is not whole
//		}
//		switch item.Evidence.Usage() {
//		case api.InUse:
//			fmt.Println(item.Certificate.Name, "is used by", item.Evidence.Uses)
//		case api.Unused:
//			fmt.Println(item.Certificate.Name, "may go; it expires on", item.Certificate.ExpiresOn)
//		case api.UsageUnknown:
//			fmt.Println(item.Certificate.Name, "is unknown:", item.Evidence.Sources)
//		}
//	}
//
// # Errors
//
// Every error of [New] and of a call is an [*Error]. [errors.As] gives its fields:
// the HTTP status, the API's codes and messages, the Ray ID, how long to wait, the
// number of attempts. [errors.Is] classifies it:
//
//   - [ErrRateLimited]: HTTP 429, or code 971 with any status; also when the
//     client's own limiter would have to wait too long, then with Attempts 0
//   - [ErrUnauthorized]: 401, or 400 with one of the codes 6003, 6102,
//     6103, 6111, 9103, 9106, 9107, also inside of an error_chain
//   - [ErrForbidden]: 403
//   - [ErrNotFound]: 404
//   - [ErrServer]: 5xx
//   - [ErrRedirect]: 3xx
//   - [ErrRejected]: any other 4xx, and 2xx with "success": false
//   - [ErrUnexpectedResponse]: a 2xx that is not the documented JSON, or a status
//     that is not listed here; beside one of the above, a failure that is not the
//     documented JSON; from sequences also a list that is stale or carries errors
//   - [ErrNoResult]: a success without a result
//   - [ErrResponseTooLarge]: more bytes, or items, than [WithMaxResponseBytes] allows
//   - [ErrUnreachable]: no answer came; StatusCode is 0
//   - [ErrInvalidArgument]: nothing was sent, because of what the caller passed
//   - [ErrNotAsked]: nothing was sent, for any other reason
//   - [ErrTruncated]: from sequences, and for sources: more exists than came, or may
//   - [ErrInUse], [ErrUsageUnknown], [ErrManaged], [ErrMismatch],
//     [ErrOutcomeUnknown]: see [Client.WaitUnused], [Client.DeleteUnused] and
//     [Client.Upload]
//
// The first that applies counts, in the order of the list down to ErrRejected.
// The causes match at the same time: the error of the caller's context, a network
// error. When a context ends the wait for a retry, the error has the last response
// of the server and the error of the context. Only the caller's own deadline matches
// [context.DeadlineExceeded]; a limit of the client or its transport does not.
//
// The vendor documents the envelope and the HTTP statuses, but no list of codes. What
// is said about codes here comes from public reports that agree with each other; only
// 10000 with HTTP 403 is from the vendor's documentation.
//
// # Rate limits
//
// The vendor allows 1,200 requests per 5 minutes for a user or token, over all
// tools together and the dashboard, and then refuses everything for 5 minutes.
// A client keeps to 1,000 per 5 minutes ([WithRateLimit]), retries included, in fixed
// and in sliding windows: a place becomes free one window after its request completed.
// The limit is that of one client: share it.
//
// A 429 stops all callers of the client until it is over, for at most 24 hours; so
// does another status that is retried, if it has a Retry-After. Then one request goes
// ahead, and the others follow as requests succeed: the number in flight doubles with
// each round trip, and beyond half of what was refused before, it grows by one. The
// vendor's Ratelimit header (for example "default";r=50;t=30) holds requests back
// when it makes sense, and is ignored otherwise. net/http may repeat a GET on its own
// when a connection that was idle breaks; the difference to the vendor's limit covers
// that.
//
// # Retries
//
// A call makes up to four attempts ([WithMaxAttempts]). An attempt ends with
// the last byte of the body. Another one follows:
//
//   - HTTP 408, 429, 500, 502, 503, 504, 520 to 527 and 530, and code 971
//   - no answer, except for a TLS certificate that does not verify, a peer that
//     VerifyConnection or VerifyPeerCertificate of the caller's [http.Transport]
//     refuses, or a proxy that refuses the connection with a 4xx
//   - a body that breaks off, cannot be decompressed, or takes too long
//
// That holds for requests that read and for DELETE. An upload is sent again only
// after an [ErrRateLimited] of the API itself that is not a 5xx, or if the transport
// shows that no connection was made. The transport of net/http shows it, through
// package httptrace, and so does one that wraps it and passes the context on.
//
// The delay before attempt n+1 is random, up to 100 ms, 200 ms and so on to 8 s
// (full jitter), and not shorter than Retry-After, in seconds or as a date.
// A 429 without a readable Retry-After counts as one that says how long the
// Ratelimit header says, or else 5 minutes. One that says 0 is waited out for as
// long as the Ratelimit header says. Refusals that follow each other last
// longer each time, 1 s, 2 s and so on to 1 minute, if the server says less.
//
// A single call, one that belongs to no audit or inventory, never waits longer than
// [WithMaxRetryWait], all its waits together, nor beyond the deadline of its context.
// A wait that would be longer, for the server or for the limiter, is not begun: the
// call ends at once, with the last failure and RetryAfter set. [Client.Upload],
// [Client.WaitUnused] and [Client.DeleteUnused] have bounds of their own for the time
// in which they look for the outcome.
//
// All callers of a client share a retry budget of 50 tokens: a retry takes 5, a
// success gives 1 back. While everything fails, calls are therefore made once,
// and a server in trouble does not get four times the load.
//
// The calls of an audit or inventory are patient: WithMaxRetryWait does not bound
// their waits. An outage is a time in which no request of the client is answered,
// after one was answered before. During an outage one of these calls is repeated as a
// probe, at once, after 100 ms, 200 ms and so on to 2 s, and all others wait; single
// calls go on as usual. What fails in an outage costs no budget, and does not
// count as an attempt until the call has failed in it for the time of
// [WithAttemptTimeout]. Where the process has too few file descriptors, these calls
// use fewer connections in the same way.
//
// # Evidence
//
// Seven sources can name a certificate; each [Source] says which and what it cannot
// see. Associations, Hyperdrive and Gateway can name any certificate; hostnames and
// device posture rules only CAs; Workers and Pages only leaf certificates. A
// certificate is looked for everywhere if the API does not say whether it is a CA, or
// contradicts its PEM. [Evidence.Usage] is [InUse] when a source names the
// certificate, [Unused] when all sources that apply answered in full and none names it,
// and [UsageUnknown] otherwise. A source that may not be read leaves unknown what it
// could name, and [SourceResult] has the permission that is missing. [WithSources]
// narrows the evidence on purpose. Values made by hand or read from JSON prove nothing.
//
// # Responses
//
// A response is an answer when it has a 2xx status other than 206, is JSON, says
// "success": true and holds a result. Anything else is an error. Duplicate names,
// invalid UTF-8, trailing data, and members of a wrong kind that decide what the
// response means are [ErrUnexpectedResponse]. Other members of a wrong kind are left
// zero and named in Malformed, in a list the first 100. Members that this version does
// not know are accepted; unknown values of service and status pass through.
//
// The lists of certificates, zones and Pages projects have pages, which are read as
// long as their numbers say that there are more. Another list, of n items, is
// truncated if one of these holds:
//
//   - count or total_count is above n, or total_pages or page is above 1
//   - one of the numbers is negative
//   - n fills per_page, and there are no totals
//   - result_info or the response itself has a member called cursor, cursors, next,
//     next_cursor, next_page, next_page_token or has_more that is not null, false or
//     empty
//   - a Link header points to the next page (RFC 8288) or cannot be parsed
//   - there is a Content-Range header
//
// A list is stale when the Age header is anything but 0, or a Warning header has one
// of the codes 110 to 113 or cannot be parsed; every request says Cache-Control:
// no-cache. A truncated or stale list can prove that a certificate is in use, and never
// that it is not.
//
// # Iteration
//
// Sequences ask when the loop begins, and anew for each range. An error comes last,
// with a zero item: a loop that ends without one has seen everything, each once.
//
// # Many certificates
//
// [Client.Inventory] reads the sources of the account once, and a zone about a CA
// only while nothing names it. It makes at most one request for each worker
// ([WithInventoryConcurrency]) beyond what the evidence needs;
// [WithInventoryProgress] says how many are expected. [Client.Audit] asks for the
// associations of many certificates, 32 at a time ([WithConcurrency]), and yields
// each with its answer or error as they come. Both sit out the limiter, and blocks
// and outages of up to 15 minutes. An audit of 10,000 certificates takes about 45 minutes at
// the default rate. [WithProgress] reports how far it is.
//
// # Changing
//
// A rotation uploads the new certificate, lets the users of the old one refer to it,
// waits until nothing uses the old one, and deletes that. Uploading and deleting need
// the permission "SSL and Certificates Write" of the account.
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
// DeleteUnused is the only way to delete. It sends the request only if evidence that
// was gathered at that moment says [Unused], and says deleted only if the API had the
// certificate and then says itself that it is gone: with HTTP 404 or the code 1472.
// [Deletion] is the record, also in JSON.
//
// When a request to change something may have arrived and nothing shows its outcome,
// the error is [ErrOutcomeUnknown]. Then make the same call again: Upload returns the
// certificate, uploaded or found, and DeleteUnused deletes it or says [ErrNotFound].
//
// # Authentication
//
// [APIToken] is the way that the vendor prefers. It needs the permission "SSL and
// Certificates Read" of the account, or Write, and for an inventory that of each
// source. [APIKey] takes the email and global API key. [CredentialsFromEnv] reads
// CLOUDFLARE_API_TOKEN, or CLOUDFLARE_EMAIL with CLOUDFLARE_API_KEY; the token wins.
//
// Credentials are set on each request, and only for the origin of the base URL.
// Redirects are never followed, so that they cannot carry the credentials elsewhere. No
// value of this package shows them, however it is printed, logged or marshalled, and
// where a server echoes them they are replaced by "[redacted]". A transport of the
// caller's sees every request and has to be trusted with them: some tracers record the
// X-Auth-Key header.
//
// # Connections
//
// The base URL is https://api.cloudflare.com/client/v4, or that of
// [WithBaseURL]: https, or http on loopback. [WithAttemptTimeout] bounds the time of
// an attempt, and [WithMaxResponseBytes] the size of a body, after net/http has
// decompressed it. The default transport speaks HTTP/2 where the server does and uses
// the proxy of the environment; [WithHTTPClient] brings another one, such as one that
// traces.
//
// # Testing
//
// Package apitest is a fake of the API for the tests of programs that use this
// one; package contract has a [net/http.RoundTripper] that compares real
// traffic with the contract. An [Error] can be made by hand, for example
// &api.Error{StatusCode: 404}, and matches its sentinel. A list made by hand
// always has [UsageUnknown].
//
// # Concurrency
//
// A [Client], [Credentials] and the sequences that a client returns are safe
// for concurrent use; each range over a sequence is independent. An
// [AssociationList] and an [Error] belong to the caller. Idle connections can be
// closed with [Client.CloseIdleConnections].
//
// Each attempt, which is sending a request and reading the response, runs on a
// goroutine of its own. A panic or [runtime.Goexit] in the caller's transport
// continues on the goroutine of the call; in an audit or inventory both become a panic
// of the loop. When the context or the time of an attempt ends and the transport does
// not return within another 100 ms, the call goes on without it. Its goroutine
// then stays until the transport returns; a response that still comes is closed,
// and a panic is dropped. Otherwise no goroutine outlives its call or range.
//
// Such a transport is net/http of Go before 1.26.11, and of Go 1.27 before
// 1.27.4: an HTTP/2 server that makes the window of a stream overflow locks the
// connection, and every further attempt over that transport takes its full time.
// Build with a newer Go.
package api

// Each sentence of the package comment is in tests/readme/testdata/promises/api.txt,
// with the tests that show it.
