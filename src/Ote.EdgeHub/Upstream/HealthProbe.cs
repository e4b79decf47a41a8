using System.Net.Sockets;
using Ote.Flow;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// Asks each API server again and again whether it is ready (<c>/readyz</c>): one that hangs, or that answers 500, counts as failed; after a silence it is asked again at once, which has taken long enough. One that refuses the connection is left: nobody is there.
/// </summary>
/// <param name="servers">Who is asked, and told.</param>
/// <param name="transport">With trust and credentials.</param>
/// <param name="dial">Sees whether a server takes a connection, for one that was left: an old connection may go on where new ones are refused, and what is up by that alone is left again at the next request. Throws what a socket throws.</param>
/// <param name="options">How often and how long.</param>
/// <param name="time">The clock.</param>
internal sealed class HealthProbe(UpstreamServers servers, HttpMessageInvoker transport, Func<Uri, CancellationToken, Task> dial, EdgeHubOptions options, TimeProvider time)
{
    /// <summary>Runs until stopped, for whoever is on the list; then throws nothing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var asked = new Dictionary<Uri, (Task Task, CancellationTokenSource Stop)>();
        var listed = new Signal();
        servers.Listed += listed.Set;
        try
        {
            while (!stop.IsCancellationRequested)
            {
                var all = servers.All;
                foreach (var server in all.Where(server => !asked.ContainsKey(server)))
                {
                    var until = CancellationTokenSource.CreateLinkedTokenSource(stop);
                    asked[server] = (WatchAsync(server, until.Token), until);
                }

                foreach (var gone in asked.Keys.Except(all).ToArray())
                {
                    asked.Remove(gone, out var one);
                    await EndAsync(one).ConfigureAwait(false);
                }

                await listed.WaitAsync(stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
        finally
        {
            servers.Listed -= listed.Set;
            await Task.WhenAll(asked.Values.Select(EndAsync)).ConfigureAwait(false);
        }
    }

    /// <summary>Connects, and hangs up.</summary>
    /// <exception cref="SocketException">It cannot.</exception>
    public static async Task DialAsync(Uri server, CancellationToken ct)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.IdnHost, server.Port, ct).ConfigureAwait(false);
    }

    private static async Task EndAsync((Task Task, CancellationTokenSource Stop) one)
    {
        await one.Stop.CancelAsync().ConfigureAwait(false);
        await one.Task.ConfigureAwait(false);
        one.Stop.Dispose();
    }

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
            if (servers.IsLeft(server))
            {
                await dial(server, either.Token).ConfigureAwait(false);
            }

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
        catch (SocketException refused)
        {
            servers.Tell(server, _ => ServerHealth.Refused, refused.Message);
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
