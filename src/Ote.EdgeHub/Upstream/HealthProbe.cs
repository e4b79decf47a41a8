namespace Ote.EdgeHub.Upstream;

/// <summary>
/// Asks each API server again and again whether it is ready (<c>/readyz</c>): one that hangs, or that answers 500, counts as failed; after a silence it is asked again at once, which has taken long enough. One that refuses the connection is left: nobody is there.
/// </summary>
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
                if (await AskAsync(server, stop).ConfigureAwait(false))
                {
                    await Task.Delay(options.ProbeInterval, time, stop).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <returns>False: it was silent.</returns>
    private async Task<bool> AskAsync(Uri server, CancellationToken stop)
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
        catch (HttpRequestException refused) when (refused.HttpRequestError == HttpRequestError.ConnectionError)
        {
            servers.Tell(server, _ => ServerHealth.Refused, refused.GetBaseException().Message);
        }
        catch (HttpRequestException broken)
        {
            servers.Tell(server, health => health.Failed(), broken.GetBaseException().Message);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            servers.Tell(server, health => health.Failed(), $"it did not answer within {options.ProbeTimeout.TotalSeconds:0.#} s");
            return false;
        }

        return true;
    }
}
