using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Audit;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Issuing;

/// <summary>
/// Lets clusters in by the root's leave, whether the root is there or away: by the tokens it has given to this cluster and to no other, with
/// provisional certificates. Each asks the root for a true one, and when the root says no it is cut off. At a controller that is not the root.
/// Thread-safe; requests to join are decided one after the other.
/// </summary>
internal sealed class IssuingDesk : IDisposable
{
    private const string Book = "issuing";
    private const string Key = "order";

    // A root that is there answers in less; a joining cluster's request is given up after 25 seconds.
    private static readonly TimeSpan RootPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerFirst = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Memory = TimeSpan.FromDays(30);
    private readonly AuditLog? _audit;
    private readonly IJournal _journal;
    private readonly IdentitySource _identity;
    private readonly RevocationKeeper _revocations;
    private readonly Func<JoinRequest, CancellationToken, Task<JoinAnswer>> _askRoot;
    private readonly Action<NameVerdict> _cut;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly IssuingBook _book;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private RouteKeeper? _routes;
    private volatile OrderWord _order = OrderWord.None;

    /// <summary>Makes a desk that has heard nothing yet.</summary>
    /// <param name="journal">Where the order and the book are kept.</param>
    /// <param name="identity">Whose key signs.</param>
    /// <param name="revocations">Who is shut out.</param>
    /// <param name="askRoot">Carries a request up; throws <see cref="InvalidOperationException"/> when there is no way.</param>
    /// <param name="cut">Ends the link of a cluster below whose name the root has refused.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Who was let in, and what became of it.</param>
    /// <param name="audit">The same, for good; null: nowhere.</param>
    public IssuingDesk(
        IJournal journal, IdentitySource identity, RevocationKeeper revocations, Func<JoinRequest, CancellationToken, Task<JoinAnswer>> askRoot, Action<NameVerdict> cut,
        TimeProvider time, ILogger log, AuditLog? audit = null) =>
        (_audit, _journal, _identity, _revocations, _askRoot, _cut, _time, _log, _book) = (audit, journal, identity, revocations, askRoot, cut, time, log, new IssuingBook(journal));

    /// <summary>How many clusters let in here wait for the root's word.</summary>
    public int Waiting => _book.Waiting;

    /// <summary>Takes up what the last run knew. Call once, first, when the CAs are known.</summary>
    /// <param name="routes">Who is where.</param>
    public void Restore(RouteKeeper routes)
    {
        _routes = routes;
        _book.Restore();
        foreach (var row in _journal.Load(Book))
        {
            _order = OrderWord.Read(SetIssuing.Parser.ParseFrom(row.Value), _identity.Current.Peer, _identity.Trust.Authorities) ?? _order;
        }

        Show();
    }

    /// <summary>Takes the root's word of what may be issued here; one that is not newer, or not the root's, changes nothing. Completes when it is on disk.</summary>
    public async Task ReceiveAsync(SetIssuing told)
    {
        if (OrderWord.Read(told, _identity.Current.Peer, _identity.Trust.Authorities) is not { } next)
        {
            _log.OrderRefused(_identity.Current.Peer.Name);
            return;
        }

        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (next.Version <= _order.Version)
            {
                return;
            }

            await _journal.WriteAsync(JournalChange.Put(Book, Key, told.ToByteArray())).ConfigureAwait(false);
            _order = next;
        }
        finally
        {
            _turn.Release();
        }

        _log.OrderTaken(next.Grant is { } grant ? $"clusters named {grant.NamePattern} until {grant.Until.ToUniversalTime():u}" : "no clusters", next.Tokens.Count);
        Show();
    }

    /// <summary>Whether this cluster has issued a provisional certificate to a cluster that is told of below it.</summary>
    public bool IsIssued(RouteEntry entry) => _book.Holds(new PeerIdentity(entry.Name, entry.Uid));

    /// <summary>Why a certificate of this cluster's own does not count any more; null when it does, and for those of other issuers.</summary>
    public string? Objection(ProvisionalCertificate certificate) =>
        certificate.Grant.Issuer != _identity.Current.Peer || _book.Holds(certificate.Peer)
            ? null
            : $"the root has not admitted {certificate.Peer}, or {_identity.Current.Peer.Name} has lost its record of it; the cluster asks the root again at its parent's door, or joins again with a token";

    /// <summary>Whether a request on its way up is to be shown to <see cref="AnswerAsync"/>. Cheap.</summary>
    public bool Concerns(JoinRequest request)
    {
        if (request.Token.Length > 0)
        {
            return JoinTokenText.TryParse(request.Token, out var shown) && _order.Tokens.ContainsKey(shown.Id);
        }

        try
        {
            if (request.PreviousCertificate.IsEmpty)
            {
                return false;
            }

            using var former = X509CertificateLoader.LoadCertificate(request.PreviousCertificate.Span);
            return ProvisionalCertificate.IsOne(former);
        }
        catch (Exception e) when (Unreadable.IsCause(e))
        {
            return false; // whoever decides says what is wrong with it
        }
    }

    /// <summary>Answers a request that concerns this desk: by itself, or with the root's answer.</summary>
    public Task<JoinAnswer> AnswerAsync(JoinRequest request, CancellationToken ct) => request.Token.Length > 0 ? JoinAsync(request, ct) : FollowAsync(request, ct);

    /// <summary>Strikes out what is over. Call now and then.</summary>
    public async Task PruneAsync()
    {
        var now = _time.GetUtcNow().ToUnixTimeSeconds();
        var order = _order;
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await _book.PruneAsync(
                site => site.UntilUnixSeconds + (long)Memory.TotalSeconds < now || _routes!.Read(t => t.Find(site.Name) is { Membership.IsEmpty: false } known && known.Uid == site.Uid),
                order.Tokens.ContainsKey).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _turn.Dispose();
    }

    private async Task<JoinAnswer> JoinAsync(JoinRequest request, CancellationToken ct)
    {
        await _turn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            var facts = Facts(request);
            var verdict = IssuingDecision.Join(request, facts);
            if (verdict.Kind == IssuingVerdictKind.Refuse)
            {
                return new JoinAnswer { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Refused, Text = verdict.Text };
            }

            if (verdict.Kind == IssuingVerdictKind.Issue)
            {
                return _book.Count >= IssuingBook.Most && verdict.UsesToken
                    ? Pending(request, $"{_identity.Current.Peer.Name} has let in {_book.Count} clusters that the root has not answered yet, and lets in no more until it has")
                    : await IssueAsync(request, facts.Grant!, facts.Token!.Id, verdict.UsesToken).ConfigureAwait(false);
            }
        }
        catch (IdentityException broken)
        {
            return new JoinAnswer { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Refused, Text = broken.Message };
        }
        finally
        {
            _turn.Release();
        }

        return await AskRootAsync(request, ct).ConfigureAwait(false) ?? Away(request);
    }

    private async Task<JoinAnswer> FollowAsync(JoinRequest request, CancellationToken ct)
    {
        var self = _identity.Current.Peer;
        var former = Renewal.VerifyProvisional(request, _identity.Trust.Authorities, _time.GetUtcNow(), Memory);
        if (await AskRootAsync(request, ct).ConfigureAwait(false) is { } answer)
        {
            await HeardAsync(former, answer).ConfigureAwait(false);
            return answer;
        }

        if (former is null)
        {
            return Away(request);
        }

        await _turn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            var facts = Facts(request);
            return IssuingDecision.MayFollow(former, self, facts with { HolderUid = _book.Find(former.Peer.Name)?.Uid })
                ? await IssueAsync(request, facts.Grant!, former.Token, isUse: false).ConfigureAwait(false)
                : Away(request);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>What the root says of a cluster that was let in here.</summary>
    private async Task HeardAsync(ProvisionalCertificate? former, JoinAnswer answer)
    {
        if (former is null || former.Grant.Issuer != _identity.Current.Peer || !_book.Holds(former.Peer))
        {
            return;
        }

        if (answer.Outcome == JoinAnswer.Types.Outcome.Issued)
        {
            await _book.ConfirmedAsync(former.Peer).ConfigureAwait(false);
            _log.Confirmed(former.Peer);
        }
        else if (answer.Outcome == JoinAnswer.Types.Outcome.Refused)
        {
            await _book.ForgetAsync(former.Peer).ConfigureAwait(false);
            _log.NotConfirmed(former.Peer, answer.Text);
            _ = CutAsync(new NameVerdict { Name = former.Peer.Name, Uid = former.Peer.Uid, Text = answer.Text });
        }
    }

    /// <summary>Cuts it off once it has the answer, which says more than a link that ends.</summary>
    private async Task CutAsync(NameVerdict verdict)
    {
        try
        {
            await Task.Delay(AnswerFirst, _time, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return; // all links end
        }

        _cut(verdict);
    }

    private async Task<JoinAnswer> IssueAsync(JoinRequest request, IssuerGrant grant, string token, bool isUse)
    {
        var site = new PeerIdentity(request.Name, request.Uid);
        var issuer = _identity.Current;
        using var certificate = ProvisionalCertificate.Issue(issuer, grant, token, SigningRequest.Read(request.Csr.Span), site, _time.GetUtcNow());
        await _book.IssuedAsync(site, token, certificate.NotAfter, isUse).ConfigureAwait(false);
        if (_audit is not null && ProvisionalCertificate.Read(certificate, _identity.Trust.Authorities) is { } issued)
        {
            _audit.Write(AuditLine.Joining("let-in", issuer.Peer.Name, issued, null, _time.GetUtcNow()));
        }

        _log.Issued(site, token, certificate.NotAfter);
        return new JoinAnswer
        {
            RequestId = request.RequestId,
            Outcome = JoinAnswer.Types.Outcome.Issued,
            Certificate = ByteString.CopyFrom(certificate.RawData),
            Authority = ByteString.CopyFrom(issuer.Authority.RawData),
        };
    }

    private IssuingFacts Facts(JoinRequest request)
    {
        var order = _order;
        var token = JoinTokenText.TryParse(request.Token, out var shown) ? order.Tokens.GetValueOrDefault(shown.Id) : null;
        var known = _routes!.Read(t => t.Find(request.Name));
        var issued = _book.Find(request.Name);
        var now = _time.GetUtcNow();
        return new IssuingFacts(
            now < _identity.Current.Certificate.NotAfter ? order.Grant : null, // what a certificate signs after its end counts for nobody
            order.Grant is not null && (_revocations.Current.Contains(order.Grant.Id) || _revocations.Current.Contains(order.Grant.Issuer.Uid)),
            token is null ? null : new JoinTokenRecord(
                token.Id,
                token.SecretHash,
                token.ExpiresUnixSeconds == 0 ? null : DateTimeOffset.FromUnixTimeSeconds(token.ExpiresUnixSeconds),
                token.Uses == 0 ? null : (int)Math.Min(token.Uses, int.MaxValue),
                (int)Math.Min(_book.Used(token.Id), int.MaxValue),
                issued?.Uid == request.Uid && issued.Token == token.Id,
                token.NamePattern.Length == 0 ? [] : [Glob.Matches(token.NamePattern, request.Name) ? request.Name : token.NamePattern],
                AutoAccept: true),
            known?.Uid ?? issued?.Uid,
            known is { Membership.IsEmpty: false },
            _revocations.Current.Contains(request.Uid),
            now);
    }

    private async Task<JoinAnswer?> AskRootAsync(JoinRequest request, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(RootPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        try
        {
            return await _askRoot(request.Clone(), either.Token).ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return null;
        }
    }

    private JoinAnswer Away(JoinRequest request) => Pending(request, $"{_identity.Current.Peer.Name} does not reach the root now; it is asked again");

    private static JoinAnswer Pending(JoinRequest request, string text) => new()
    {
        RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Pending, Text = text, RetryAfterMilliseconds = (uint)Retry.TotalMilliseconds,
    };

    private void Show() => _routes!.Apply(t => t.SetSelf(t.Self with { Issuing = _order.Digest }));
}
