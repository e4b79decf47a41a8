namespace Ote.EdgeHub.Upstream;

/// <summary>Asks each API server again and again whether it is ready (<c>/readyz</c>): one that hangs, or that answers 500, counts as failed like one that is not there.</summary>
/// <param name="servers">Who is asked, and told.</param>
/// <param name="transport">With trust and credentials.</param>
/// <param name="options">How often and how long.</param>
/// <param name="time">The clock.</param>
internal sealed class HealthProbe(UpstreamServers servers, HttpMessageInvoker transport, EdgeHubOptions options, TimeProvider time)
{
    /// <summary>Runs until stopped; then throws nothing.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(servers.All.Select(server => WatchAsync(server, stop)));

    private async Task WatchAsync(Uri server, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await AskAsync(server, stop).ConfigureAwait(false);
                await Task.Delay(options.ProbeInterval, time, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task AskAsync(Uri server, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(options.ProbeTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server, "readyz"));
            using var answer = await transport.SendAsync(request, either.Token).ConfigureAwait(false);
            // Who may not ask whether it is ready has still been answered by it.
            if (answer.IsSuccessStatusCode || (int)answer.StatusCode is 401 or 403)
            {
                servers.Tell(server, health => health.Answered());
            }
            else
            {
                servers.Tell(server, health => health.Failed(), $"it says that it is not ready ({(int)answer.StatusCode})");
            }
        }
        catch (HttpRequestException refused)
        {
            servers.Tell(server, health => health.Failed(), refused.GetBaseException().Message);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            servers.Tell(server, health => health.Failed(), $"it did not answer within {options.ProbeTimeout.TotalSeconds:0.#} s");
        }
    }
}
