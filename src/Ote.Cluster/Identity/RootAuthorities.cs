using System.Globalization;
using System.Text;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>Where the exchange of the tree's CA stands.</summary>
internal enum RolloverPhase
{
    /// <summary>There is one CA.</summary>
    None,

    /// <summary>All are told to trust the next CA too; the former one still issues.</summary>
    Trusting,

    /// <summary>The next CA issues, and all certificates are renewed under it; both are trusted.</summary>
    Renewing,

    /// <summary>Only the next CA is trusted. For a while the former one's key still signs what tells late ones so, and its certificates can be renewed.</summary>
    Finished,
}

/// <summary>
/// The CAs the root holds: the one that issues, and while they are exchanged another. One small file says how they stand and is replaced
/// whole, so a restart finds one state or the next, never something in between. One writer; reading is thread-safe.
/// </summary>
internal sealed class RootAuthorities : IDisposable
{
    /// <summary>How far an exchange is; absent before the first.</summary>
    internal const string FileName = "rollover";

    private readonly string? _directory;
    private readonly TimeProvider _time;
    private readonly TimeSpan? _life;
    private volatile State _state;

    private RootAuthorities(string? directory, TimeProvider time, TimeSpan? life, State state) => (_directory, _time, _life, _state) = (directory, time, life, state);

    /// <summary>The CA that issues.</summary>
    public CertificateAuthority Active => _state.Active;

    /// <summary>The other one while there are two, else null.</summary>
    public CertificateAuthority? Other => _state.Other;

    public RolloverPhase Phase => _state.Phase;

    /// <summary>Id of the wish that was carried out last: none is carried out twice.</summary>
    public string Request => _state.Request;

    /// <summary>The root's word of them.</summary>
    public TreeTrust Trust => _state.Trust;

    /// <summary>After <see cref="RolloverPhase.Finished"/>: how long certificates of the former one can be renewed.</summary>
    public DateTimeOffset Until => DateTimeOffset.FromUnixTimeSeconds(_state.Until);

    /// <summary>Those whose key is here.</summary>
    public IEnumerable<CertificateAuthority> All => Other is { } other ? [Active, other] : [Active];

    /// <summary>Whether one of them has admitted a cluster: either, while they are exchanged.</summary>
    public bool IsMember(PeerIdentity member, ReadOnlySpan<byte> proof) => Active.IsMember(member, proof) || Other?.IsMember(member, proof) == true;

    /// <summary>Whether there can be another: not when its key is kept elsewhere, by who gave it.</summary>
    public bool CanExchange => _directory is not null;

    /// <summary>One CA that is never exchanged.</summary>
    public static RootAuthorities Of(CertificateAuthority only) => new(null, TimeProvider.System, null, new State(RolloverPhase.None, only, 0, null, 0, 0, 0, ""));

    /// <summary>Those kept in a directory.</summary>
    /// <exception cref="IdentityException">There are none, or the files are of no use.</exception>
    public static RootAuthorities Load(string directory, TimeProvider time) =>
        File.Exists(Path.Combine(directory, FileName)) || File.Exists(Path.Combine(directory, "ca.key"))
            ? LoadOrCreate(directory, time, null)
            : throw new IdentityException($"{directory} holds no CA");

    /// <summary>Those kept in a directory; the first is made when there is none.</summary>
    /// <exception cref="IdentityException">The files are of no use.</exception>
    public static RootAuthorities LoadOrCreate(string directory, TimeProvider time, TimeSpan? life)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return new RootAuthorities(directory, time, life, new State(RolloverPhase.None, CertificateAuthority.LoadOrCreate(directory, time, life), 0, null, 0, 0, 0, ""));
        }

        // phase version active other until request
        var words = File.ReadAllText(path).Trim().Split(' ');
        if (words.Length is not (5 or 6) || !Enum.TryParse(words[0], out RolloverPhase phase) || !ulong.TryParse(words[1], out var version)
            || !int.TryParse(words[2], out var active) || !int.TryParse(words[3], out var other) || !long.TryParse(words[4], out var until))
        {
            throw new IdentityException($"{path} cannot be read; restore it together with the CAs beside it from a backup");
        }

        return new RootAuthorities(directory, time, life, new State(
            phase, Load(directory, active, time, life), active, phase == RolloverPhase.None ? null : Load(directory, other, time, life), other, version, until, words.Length == 6 ? words[5] : ""));
    }

    /// <summary>Makes the next CA and begins to have it trusted. What tells all of it is on disk when this returns.</summary>
    public void Start(string request)
    {
        var number = Math.Max(_state.ActiveNumber, _state.OtherNumber) + 1;
        var next = CertificateAuthority.LoadOrCreate(Of(_directory ?? throw new InvalidOperationException("this CA is not exchanged here"), number), _time, _life);
        Put(new State(RolloverPhase.Trusting, Active, _state.ActiveNumber, next, number, NextVersion(), 0, request));
    }

    /// <summary>The next CA issues from now on; called again, the former one does once more.</summary>
    public void Switch(string request) => Put(new State(RolloverPhase.Renewing, Other!, _state.OtherNumber, Active, _state.ActiveNumber, NextVersion(), 0, request));

    /// <summary>Only the issuing CA is trusted from now on.</summary>
    /// <param name="grace">How long certificates of the other can still be renewed.</param>
    /// <param name="request">The wish it carries out.</param>
    public void Finish(TimeSpan grace, string request) =>
        Put(_state with { Phase = RolloverPhase.Finished, Version = NextVersion(), Until = (_time.GetUtcNow() + grace).ToUnixTimeSeconds(), Request = request });

    /// <summary>Forgets the other CA, key and all, when its grace is over. True when it did.</summary>
    public bool ForgetOther()
    {
        if (Phase != RolloverPhase.Finished || _time.GetUtcNow() < Until)
        {
            return false;
        }

        var gone = _state.OtherNumber;
        Put(_state with { Phase = RolloverPhase.None, Other = null });
        if (_directory is not null)
        {
            // Of the first CA the certificate stays: a build that knows no exchange must not take the tree for a new one.
            File.Delete(Path.Combine(Of(_directory, gone), "ca.key"));
        }

        return true;
    }

    public void Dispose()
    {
        Active.Dispose();
        Other?.Dispose();
    }

    private static string Of(string directory, int number) => number == 0 ? directory : Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"ca-{number}"));

    private static CertificateAuthority Load(string directory, int number, TimeProvider time, TimeSpan? life)
    {
        var place = Of(directory, number);
        return File.Exists(Path.Combine(place, "ca.key"))
            ? CertificateAuthority.LoadOrCreate(place, time, life)
            : throw new IdentityException($"{place} has no ca.key, though {FileName} names that CA; restore both from a backup");
    }

    // Time goes on where a root has lost its memory.
    private ulong NextVersion() => Math.Max(_state.Version + 1, (ulong)_time.GetUtcNow().ToUnixTimeMilliseconds());

    private void Put(State next)
    {
        if (_directory is not null)
        {
            PrivateFile.Write(Path.Combine(_directory, FileName), Encoding.ASCII.GetBytes(string.Create(
                CultureInfo.InvariantCulture, $"{next.Phase} {next.Version} {next.ActiveNumber} {next.OtherNumber} {next.Until} {next.Request}\n")));
        }

        _state = next;
    }

    private sealed record State(RolloverPhase Phase, CertificateAuthority Active, int ActiveNumber, CertificateAuthority? Other, int OtherNumber, ulong Version, long Until, string Request)
    {
        private TreeTrust? _trust;

        public TreeTrust Trust => _trust ??= Version == 0
            ? TreeTrust.Of(Active.Authority)
            : TreeTrust.Make(Version, Phase is RolloverPhase.Trusting or RolloverPhase.Renewing ? [Active.Authority, Other!.Authority] : [Active.Authority], Other is null ? [Active] : [Active, Other]);

        private State(State other)
        {
            // What is derived is derived anew.
            (Phase, Active, ActiveNumber, Other, OtherNumber, Version, Until, Request) =
                (other.Phase, other.Active, other.ActiveNumber, other.Other, other.OtherNumber, other.Version, other.Until, other.Request);
        }
    }
}
