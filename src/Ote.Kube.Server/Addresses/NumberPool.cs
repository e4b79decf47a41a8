namespace Ote.Kube.Server.Addresses;

/// <summary>
/// Numbers of which each belongs to one object. Whoever is about to store an object claims its numbers first and gives the claims back when the write has ended, either
/// way; what was stored holds by itself. Not thread-safe: <see cref="ServiceAddressTable"/> locks.
/// </summary>
/// <param name="first">The least number.</param>
/// <param name="count">How many there are.</param>
/// <param name="kept">How many of the first are dealt out only when all others are taken: people choose theirs there.</param>
internal sealed class NumberPool(int first, int count, int kept)
{
    private readonly Dictionary<int, Holder> _holders = [];

    /// <summary>Whether the number is one of the pool's.</summary>
    public bool Contains(long number) => number >= first && number < (long)first + count;

    /// <summary>Claims a number; false when another object has it.</summary>
    public bool TryClaim(int number, string uid)
    {
        if (_holders.TryGetValue(number, out var holder))
        {
            if (holder.Uid != uid)
            {
                return false;
            }
        }
        else
        {
            _holders[number] = holder = new Holder(uid);
        }

        holder.Claims++;
        return true;
    }

    /// <summary>Claims a number that is free: the same one for the same text as long as it is; null when all are taken.</summary>
    public int? ClaimFree(string uid, string from)
    {
        var hash = 2166136261u;
        foreach (var letter in from)
        {
            hash = (hash ^ letter) * 16777619u;
        }

        return Free(first + kept, count - kept, hash, uid) ?? Free(first, kept, hash, uid);
    }

    /// <summary>The end of a claim.</summary>
    public void Unclaim(int number)
    {
        if (_holders.TryGetValue(number, out var holder) && --holder.Claims == 0 && !holder.Stored)
        {
            _holders.Remove(number);
        }
    }

    /// <summary>An object with this number is stored. Where another one has it already, as older servers allowed, that one keeps it.</summary>
    public void Store(int number, string uid)
    {
        if (!_holders.TryGetValue(number, out var holder))
        {
            _holders[number] = holder = new Holder(uid);
        }

        holder.Stored |= holder.Uid == uid;
    }

    /// <summary>The object is gone, or has the number no longer.</summary>
    public void Unstore(int number, string uid)
    {
        if (_holders.TryGetValue(number, out var holder) && holder.Uid == uid)
        {
            holder.Stored = false;
            if (holder.Claims == 0)
            {
                _holders.Remove(number);
            }
        }
    }

    private int? Free(int from, int among, uint hash, string uid)
    {
        for (var step = 0; step < among; step++)
        {
            var number = from + (int)((hash + (uint)step) % (uint)among);
            if (!_holders.ContainsKey(number))
            {
                TryClaim(number, uid);
                return number;
            }
        }

        return null;
    }

    private sealed class Holder(string uid)
    {
        public string Uid => uid;

        public int Claims { get; set; }

        public bool Stored { get; set; }
    }
}
