using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Ote.Cluster.Tunnel;

/// <summary>Puts a <see cref="HandshakeGate"/> around a listener's TLS.</summary>
internal static class HandshakeQueue
{
    // As long as Kestrel gives a handshake.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(10);

    // Whoever loses patience earlier leaves by itself; turning away those who would have waited only brings them back, at a price to both.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>Adds TLS by <paramref name="tls"/> so that a connection's handshake begins when it is its turn.</summary>
    public static void UseHandshakeGate(this ListenOptions listener, HandshakeGate gate, TimeProvider time, Action<ListenOptions> tls)
    {
        listener.Use(next => connection => GuardAsync(next, connection, gate, time));
        tls(listener);
        listener.Use(next => connection =>
        {
            Leave(connection);
            return next(connection);
        });
    }

    private static async Task GuardAsync(ConnectionDelegate next, ConnectionContext connection, HandshakeGate gate, TimeProvider time)
    {
        if (!await AdmitAsync(connection, gate, time).ConfigureAwait(false)) return; // which closes the connection; it is dialled again
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            Leave(connection);
        }
    }

    private static async Task<bool> AdmitAsync(ConnectionContext connection, HandshakeGate gate, TimeProvider time)
    {
        using CancellationTokenSource patience = new(LongestSilence, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, connection.ConnectionClosed);
        try
        {
            // Whoever connects and says nothing holds nobody up: a turn begins with the first bytes, which stay unread here.
            ReadResult hello = await connection.Transport.Input.ReadAsync(either.Token).ConfigureAwait(false);
            connection.Transport.Input.AdvanceTo(hello.Buffer.Start);
            patience.CancelAfter(LongestWait);
            if (hello.Buffer.IsEmpty || await gate.EnterAsync(either.Token).ConfigureAwait(false) is not { } turn) return false;
            connection.Features.Set(turn);
            return true;
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            return false;
        }
    }

    private static void Leave(ConnectionContext connection)
    {
        if (connection.Features.Get<HandshakeGate.Turn>() is not { } turn) return;
        connection.Features.Set<HandshakeGate.Turn>(null);
        turn.Leave();
    }
}
