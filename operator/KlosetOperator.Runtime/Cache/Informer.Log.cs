using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Cache;

internal sealed partial class Informer<T>
{
    [LoggerMessage(107, LogLevel.Error, "A handler or an index of {Resource} ended in an unexpected exception")]
    private partial void LogMishap(Exception error, string resource);
}
