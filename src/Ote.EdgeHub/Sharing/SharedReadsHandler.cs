using System.Net;
using System.Security.Cryptography;

namespace Ote.EdgeHub.Sharing;

/// <summary>Sends a component's lists and watches to the hub that <see cref="SharedReads"/> names, as that component, and to the API server while there is none or when it does not answer as it should.</summary>
/// <param name="reads">Whom to ask.</param>
/// <param name="reach">Makes what carries requests to a hub with the component's credentials.</param>
/// <param name="time">The clock.</param>
/// <param name="servers">Carries them to the API servers.</param>
internal sealed class SharedReadsHandler(SharedReads reads, Func<SharingHub, HttpMessageHandler> reach, TimeProvider time, HttpMessageHandler servers) : DelegatingHandler(servers)
{
    /// <summary>The header of requests that are to be answered from what the hub has, while it is connected, and not at all else.</summary>
    public const string Header = "Ote-Shared-Read";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly Lock _gate = new();
    private (SharingHub Hub, HttpMessageInvoker Carrier)? _there;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (reads.Source is not { } hub)
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }

        string cause;
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            using var asked = new HttpRequestMessage(request.Method, new Uri(hub.Address, request.RequestUri!.PathAndQuery));
            foreach (var (name, values) in request.Headers.NonValidated)
            {
                asked.Headers.TryAddWithoutValidation(name, values);
            }

            asked.Headers.TryAddWithoutValidation(Header, "1");
            var answer = await Carrier(hub).SendAsync(asked, either.Token).ConfigureAwait(false);
            if (answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.Gone)
            {
                return answer;
            }

            cause = $"it answers {(int)answer.StatusCode}";
            answer.Dispose();
        }
        catch (Exception away) when (away is HttpRequestException or FormatException or CryptographicException or ObjectDisposedException || (away is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            cause = away is OperationCanceledException ? $"no answer within {Patience.TotalSeconds:0} s" : away.GetBaseException().Message;
        }

        reads.Leave(hub, cause);
        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _there?.Carrier.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>One at a time is kept: what still runs over a former one has been ended by who began it.</summary>
    private HttpMessageInvoker Carrier(SharingHub hub)
    {
        lock (_gate)
        {
            if (_there?.Hub != hub)
            {
                _there?.Carrier.Dispose();
                _there = (hub, new HttpMessageInvoker(reach(hub)));
            }

            return _there.Value.Carrier;
        }
    }
}
