namespace Ote.Testing.Simulation;

/// <summary>The way of one simulated process to a control API. When the process dies its requests end, and nothing of it gets through any more.</summary>
public sealed class ApiGate(HttpMessageHandler api) : DelegatingHandler(api)
{
    private readonly CancellationTokenSource _dead = new();
    private readonly HashSet<HttpResponseMessage> _open = [];

    /// <summary>The process died.</summary>
    public void Die()
    {
        _dead.Cancel();
        foreach (var answer in _open)
        {
            answer.Dispose();
        }

        _open.Clear();
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (_dead.IsCancellationRequested)
        {
            await new TaskCompletionSource().Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _dead.Token);
        var answer = await base.SendAsync(request, either.Token).ConfigureAwait(false);
        if (request.RequestUri!.Query.Contains("watch", StringComparison.Ordinal))
        {
            _open.Add(answer);
        }

        return answer;
    }
}
