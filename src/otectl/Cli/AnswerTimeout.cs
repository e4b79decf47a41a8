namespace Ote.Ctl.Cli;

/// <summary>Gives up on a server that takes a request and does not begin to answer. The answer itself, a watch for one, may take as long as it likes.</summary>
internal sealed class AnswerTimeout(HttpMessageHandler inner, TimeSpan usual, TimeProvider time) : DelegatingHandler(inner)
{
    /// <summary>How long the API server may take to begin its answer to one request, unless more is said.</summary>
    internal static readonly TimeSpan Usual = TimeSpan.FromSeconds(30);

    /// <summary>On a request whose answer takes longer to begin.</summary>
    internal static readonly HttpRequestOptionsKey<TimeSpan> Patience = new("patience");

    /// <exception cref="TimeoutException">No answer began in time.</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var patience = request.Options.TryGetValue(Patience, out var longer) ? longer : usual;
        using var patient = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patient.Token);
        try
        {
            return await base.SendAsync(request, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException late) when (patient.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"it did not answer within {Durations.Format(patience)}", late);
        }
    }
}
