using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Upstream;
using Ote.Flow;

namespace Ote.EdgeHub.Offline;

/// <summary>How the node stands to its API servers.</summary>
public enum ConnectionState
{
    /// <summary>None answers: the node lives from its cache, and writes into its journal.</summary>
    CutOff = 0,

    /// <summary>One answers again and is being told what happened; components still see the node's own state.</summary>
    Returning = 1,

    /// <summary>Requests go to the API servers.</summary>
    Connected = 2,
}

/// <summary>
/// Takes the node from one state to the next: cut off as soon as no server is up, returning when one is, connected when the journal is empty. Between the last entry told and the first request that goes to the API server
/// no write can slip into the journal. Thread-safe.
/// </summary>
internal sealed class NodeConnection(UpstreamServers servers, NodeCache cache, Replay replay, VersionCheck versions, Followers followers, TimeProvider time, Func<double> random, ILogger log)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _turned = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ConnectionState _state;
    private DateTimeOffset _since = time.GetUtcNow();
    private CancellationTokenSource _connected = new();
    private TaskCompletionSource _whenConnected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Where it stands.</summary>
    public ConnectionState State
    {
        get
        {
            lock (_gate)
            {
                return _state;
            }
        }
    }

    /// <summary>Where it stands, and since when it has been connected, or not: to return is not yet to be connected. By the machine's clock, for people.</summary>
    public (ConnectionState State, DateTimeOffset Since) Standing
    {
        get
        {
            lock (_gate)
            {
                return (_state, _since);
            }
        }
    }

    /// <summary>
    /// Until when the node is connected: cancelled before anything is written to the node's own state, and from within a lock, so that what hangs on it has to be short. Null: it is not connected.
    /// </summary>
    public CancellationToken? Connected
    {
        get
        {
            lock (_gate)
            {
                return _state == ConnectionState.Connected ? _connected.Token : null;
            }
        }
    }

    /// <summary>Completes when it is connected, or is connected next.</summary>
    public Task WhenConnected
    {
        get
        {
            lock (_gate)
            {
                return _whenConnected.Task;
            }
        }
    }

    /// <summary>Runs a write to the node's own state, if that is where writes go now.</summary>
    /// <returns>False: the node is connected, and the write goes to the API server.</returns>
    public bool WriteHere(Action write)
    {
        lock (_gate)
        {
            if (_state == ConnectionState.Connected)
            {
                return false;
            }

            write();
            return true;
        }
    }

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var backoff = new Backoff(BackoffOptions.Default, random);
        var said = "";
        servers.Changed += Turned;
        try
        {
            while (!stop.IsCancellationRequested)
            {
                var turned = Turn();
                if (!servers.AnyUp)
                {
                    await SetAsync(ConnectionState.CutOff).ConfigureAwait(false);
                    await turned.WaitAsync(stop).ConfigureAwait(false);
                    continue;
                }

                try
                {
                    await ReturnAsync(stop).ConfigureAwait(false);
                    backoff.Reset();
                    said = "";
                    await turned.WaitAsync(stop).ConfigureAwait(false);
                }
                catch (Exception refused) when (refused is HttpRequestException or Kube.Client.KubeStatusException or IOException || (refused is OperationCanceledException && !stop.IsCancellationRequested))
                {
                    if (refused.Message != said)
                    {
                        said = refused.Message;
                        log.ReturnFailed(refused.Message.TrimEnd('.')); // once: a full disk may last for days
                    }

                    await Task.Delay(backoff.Next(), time, stop).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
        finally
        {
            servers.Changed -= Turned;
        }
    }

    private async Task ReturnAsync(CancellationToken stop)
    {
        if (State == ConnectionState.Connected)
        {
            return;
        }

        await SetAsync(ConnectionState.Returning).ConfigureAwait(false);
        await versions.LookAsync(stop).ConfigureAwait(false);
        var told = 0;
        while (true)
        {
            told += await replay.RunAsync(stop).ConfigureAwait(false);
            lock (_gate)
            {
                if (cache.Journalled == 0)
                {
                    Enter(ConnectionState.Connected);
                    break;
                }
            }
        }

        log.Connected(told);
        cache.TellStrained(); // What a return runs and leaves behind is not needed again for long; nor is what a cut does.
        lock (_gate)
        {
            // Not when it was cut off again meanwhile: what the API server tells must not come before the journal has been told.
            if (_state == ConnectionState.Connected)
            {
                followers.Start();
            }
        }
    }

    private async Task SetAsync(ConnectionState state)
    {
        ConnectionState before;
        lock (_gate)
        {
            before = _state;
            Enter(state);
        }

        if (before == ConnectionState.Connected)
        {
            log.CutOff();
            await followers.StopAsync().ConfigureAwait(false);
            cache.TellStrained();
        }
    }

    private void Enter(ConnectionState state)
    {
        if (_state == ConnectionState.Connected && state != ConnectionState.Connected)
        {
            _connected.Cancel();
            _whenConnected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _connected = new CancellationTokenSource(); // without a timer or a link, so there is nothing to dispose of
        }

        _since = (_state == ConnectionState.Connected) == (state == ConnectionState.Connected) ? _since : time.GetUtcNow();
        _state = state;
        if (state == ConnectionState.Connected)
        {
            _whenConnected.TrySetResult();
        }
    }

    private Task Turn()
    {
        lock (_gate)
        {
            return _turned.Task;
        }
    }

    private void Turned(bool up)
    {
        TaskCompletionSource turned;
        lock (_gate)
        {
            if (!up && _state == ConnectionState.Connected)
            {
                // At once: the next request is answered from here.
                Enter(ConnectionState.CutOff);
                _ = followers.StopAsync();
                log.CutOff();
            }
            else if (!up && _state == ConnectionState.CutOff)
            {
                log.CutOff(); // from the start
            }

            (turned, _turned) = (_turned, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        turned.TrySetResult();
        if (!up)
        {
            cache.TellStrained();
        }
    }
}
