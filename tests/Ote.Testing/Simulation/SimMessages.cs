using System.Globalization;
using System.Text;
using Ote.Cluster.Journal;
using Ote.Cluster.Messages;

namespace Ote.Testing.Simulation;

/// <summary>Applications at all clusters that send each other messages, and take and acknowledge those that come.</summary>
/// <param name="world">Where.</param>
/// <param name="laterals">Who may have lateral links: a part of the messages is between these.</param>
/// <param name="every">Mean virtual time from one message to the next.</param>
public sealed class SimMessages(SimWorld world, SimLaterals laterals, TimeSpan every)
{
    private const int AtOnce = 10;
    private const int Lately = 50;
    private readonly List<Sent> _sent = [];
    private readonly Dictionary<string, Sent> _byId = new(StringComparer.Ordinal);

    /// <summary>Messages that a controller has taken.</summary>
    public int Count => _sent.Count;

    /// <summary>Id, sender and target of a message that was sent lately; null when there is none.</summary>
    internal (string Id, string From, string To)? One() =>
        _sent.Count == 0 ? null : world.One(_sent.TakeLast(Lately).ToList()) is var sent ? (sent.Id, sent.From.Name, sent.To.Name) : null;

    /// <summary>A message came to a duplicate of its target, whose word that it arrived is the same as the target's.</summary>
    internal void WentAstray(string id) => _byId[id].WentAstray = true;

    /// <summary>Sends and takes until the faults end.</summary>
    public async Task RunAsync()
    {
        while (world.Timeline.Steps < world.FaultsEnd)
        {
            await Task.Delay(every * -Math.Log(1 - world.Random()), world.Clock).ConfigureAwait(false);
            Send();
            Take(world.One(world.Nodes));
        }
    }

    /// <summary>
    /// Takes what waits, and notes what became of messages; fates are not remembered for ever, so this is to be called often. Returns why not
    /// all messages have had their end; null when they have.
    /// </summary>
    public string? Open()
    {
        foreach (var node in world.Nodes)
        {
            Take(node);
        }

        string? open = null;
        foreach (var sent in _sent.Where(static s => s.State is SentState.OnItsWay))
        {
            var known = sent.From.Controller?.Messages.Find(sent.Id);
            sent.State = known?.State ?? SentState.OnItsWay;
            open ??= known is null ? $"{sent} is not remembered by its sender" : known.Ended is null ? $"{sent} has not ended: {known.Text}" : null;
        }

        var waiting = _sent.FirstOrDefault(static s => s is { State: SentState.Delivered, MustArrive: true, WentAstray: false, Given: 0 });
        return open ?? (waiting is null ? null : $"{waiting} is delivered and was given to nobody");
    }

    /// <summary>What the fates of messages say that is not true; null when all is.</summary>
    public string? Untruth() => _sent
        .Where(static s => (s.MustArrive && s.State != SentState.Delivered) || s.State is SentState.NoCluster or SentState.Refused)
        .Select(static s => $"{s} ended as {s.State}")
        .FirstOrDefault();

    private void Send()
    {
        var (from, to) = (world.Random() < 0.3 ? laterals.One() : null) ?? (world.One(world.Nodes), world.One(world.Nodes));
        if (from.Controller is not { } controller)
        {
            return;
        }

        var number = (ulong)(_byId.Count + 1);
        var id = new byte[16];
        BitConverter.TryWriteBytes(id, number);
        var patient = world.Random() < 0.7;
        var life = patient ? TimeSpan.FromHours(12) : TimeSpan.FromSeconds(1 + (world.Random() * 120));
        var sent = _byId[Convert.ToHexStringLower(id)] = new Sent(Convert.ToHexStringLower(id), from, to, patient);
        _ = SendAsync(controller.Messages.SendAsync(to.Name, "t", "", Encoding.UTF8.GetBytes(sent.Id), life, id), sent);
    }

    // Of a process that dies meanwhile it never completes: nobody was promised anything then.
    private async Task SendAsync(Task<SentMessage> sending, Sent sent)
    {
        try
        {
            await sending.ConfigureAwait(false);
            _sent.Add(sent);
        }
        catch (JournalException)
        {
            // A full disk said so.
        }
    }

    private void Take(SimNode node)
    {
        if (node.Controller is not { } controller)
        {
            return;
        }

        foreach (var message in controller.Messages.Take(null, AtOnce))
        {
            if (!_byId.TryGetValue(message.Id, out var sent))
            {
                world.Violate($"a message that nobody sent came to {node.Name} as one of {message.From}");
                continue;
            }

            if (sent.To != node || sent.From.Name != message.From || Encoding.UTF8.GetString(message.Body.Span) != message.Id)
            {
                world.Violate($"{sent} came to {node.Name} as one of {message.From}");
            }
            else if (sent.Acknowledged > 0)
            {
                world.Violate($"{sent} was given out again at {node.Name} after it had been acknowledged");
            }

            sent.Given++;
            _ = AcknowledgeAsync(controller.Messages.AcknowledgeAsync(message.Id), sent);
        }
    }

    private static async Task AcknowledgeAsync(Task<bool> acknowledging, Sent sent)
    {
        try
        {
            sent.Acknowledged += await acknowledging.ConfigureAwait(false) ? 1 : 0;
        }
        catch (JournalException)
        {
            // It is given out again.
        }
    }

    private sealed class Sent(string id, SimNode from, SimNode to, bool mustArrive)
    {
        public string Id => id;

        public SimNode From => from;

        public SimNode To => to;

        /// <summary>Its time ends long after everything is over.</summary>
        public bool MustArrive => mustArrive;

        /// <summary>A duplicate of the target may have taken it.</summary>
        public bool WentAstray { get; set; }

        public int Given { get; set; }

        public int Acknowledged { get; set; }

        public SentState State { get; set; }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"message {id[..6]} from {from.Name} to {to.Name}");
    }
}
